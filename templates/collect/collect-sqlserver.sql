-- collect-sqlserver.sql 1.0：等保联调测评，只读采集脚本（SQL Server 2012 至 2022）
-- 未在真实 SQL Server 上运行。只有 SELECT，不改任何数据与设置；不带出口令散列，不读业务数据。
-- 由数据库管理员（sysadmin）以 sqlcmd 运行，-d 写业务库名（授权、来宾账户等只看该库）：
--   sqlcmd -S 服务器 -E -d HIS -i collect-sqlserver.sql -o dengbao-sqlserver.txt -h -1 -W -w 65535 -s "|" -f 65001
-- 结果文件 dengbao-sqlserver.txt 原样带回。旧版本没有的视图会报错，属正常。
SET NOCOUNT ON
GO
SELECT '==dengbao-sql 1 sqlserver collect-sqlserver.sql-1.0=='
GO
SELECT '==dengbao begin server now|host|instance|database|version|edition|level|user|sysadmin|windows_only=='
GO
SELECT CONCAT('R|1|1|', CONVERT(varchar(40), SYSDATETIMEOFFSET(), 126), '|', CONVERT(nvarchar(128), SERVERPROPERTY('MachineName')), '|', @@SERVICENAME, '|', DB_NAME(), '|', CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')), '|', CONVERT(nvarchar(128), SERVERPROPERTY('Edition')), '|', CONVERT(nvarchar(128), SERVERPROPERTY('ProductLevel')), '|', SUSER_SNAME(), '|', IS_SRVROLEMEMBER('sysadmin'), '|', CONVERT(int, SERVERPROPERTY('IsIntegratedSecurityOnly')))
GO
SELECT '==dengbao end server=='
GO
SELECT '==dengbao begin settings name|value=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY name), '|', COUNT(*) OVER (), '|', name, '|', CONVERT(nvarchar(100), value_in_use)) FROM sys.configurations WHERE name IN ('xp_cmdshell', 'Ole Automation Procedures', 'Ad Hoc Distributed Queries', 'clr enabled', 'clr strict security', 'cross db ownership chaining', 'Database Mail XPs', 'remote access', 'remote admin connections', 'scan for startup procs', 'default trace enabled', 'common criteria compliance enabled', 'c2 audit mode', 'contained database authentication', 'remote login timeout (s)', 'remote query timeout (s)', 'SMO and DMO XPs', 'user connections', 'external scripts enabled', 'backup checksum default')
GO
SELECT '==dengbao end settings=='
GO
SELECT '==dengbao begin logins name|id|type|disabled|policy|expiration|state|is_name|scheme|expires_days|age_days|locked|expired|must_change=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY p.principal_id), '|', COUNT(*) OVER (), '|', REPLACE(REPLACE(REPLACE(REPLACE(p.name, '|', '/'), CHAR(9), ' '), CHAR(10), ' '), CHAR(13), ' '), '|', p.principal_id, '|', p.type, '|', p.is_disabled, '|', l.is_policy_checked, '|', l.is_expiration_checked, '|', CASE WHEN p.type <> 'S' THEN 'external' WHEN l.password_hash IS NULL THEN 'unknown' WHEN PWDCOMPARE('', l.password_hash) = 1 THEN 'empty' ELSE 'set' END, '|', CASE WHEN l.password_hash IS NULL THEN NULL ELSE PWDCOMPARE(p.name, l.password_hash) END, '|', CASE CONVERT(varchar(6), SUBSTRING(l.password_hash, 1, 2), 1) WHEN '0x0200' THEN 'sha512-salted' WHEN '0x0100' THEN 'sha1-salted' ELSE '' END, '|', CONVERT(int, LOGINPROPERTY(p.name, 'DaysUntilExpiration')), '|', DATEDIFF(day, CONVERT(datetime, LOGINPROPERTY(p.name, 'PasswordLastSetTime')), GETDATE()), '|', CONVERT(int, LOGINPROPERTY(p.name, 'IsLocked')), '|', CONVERT(int, LOGINPROPERTY(p.name, 'IsExpired')), '|', CONVERT(int, LOGINPROPERTY(p.name, 'IsMustChange'))) FROM sys.server_principals p LEFT JOIN sys.sql_logins l ON l.principal_id = p.principal_id WHERE p.type IN ('S', 'U', 'G', 'C', 'K')
GO
SELECT '==dengbao end logins=='
GO
SELECT '==dengbao begin server_roles member|role=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY m.name), '|', COUNT(*) OVER (), '|', REPLACE(REPLACE(m.name, '|', '/'), CHAR(9), ' '), '|', r.name) FROM sys.server_role_members x JOIN sys.server_principals r ON r.principal_id = x.role_principal_id JOIN sys.server_principals m ON m.principal_id = x.member_principal_id
GO
SELECT '==dengbao end server_roles=='
GO
SELECT '==dengbao begin server_rights grantee|right|state=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY p.name), '|', COUNT(*) OVER (), '|', REPLACE(REPLACE(p.name, '|', '/'), CHAR(9), ' '), '|', x.permission_name, '|', x.state_desc) FROM sys.server_permissions x JOIN sys.server_principals p ON p.principal_id = x.grantee_principal_id WHERE x.class = 100
GO
SELECT '==dengbao end server_rights=='
GO
SELECT '==dengbao begin registry name|value=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY value_name), '|', COUNT(*) OVER (), '|', value_name, '|', CASE value_name WHEN 'Certificate' THEN CASE WHEN CONVERT(nvarchar(200), value_data) = '' THEN 'no' ELSE 'yes' END ELSE REPLACE(CONVERT(nvarchar(200), value_data), '|', '/') END) FROM sys.dm_server_registry WHERE value_name IN ('ForceEncryption', 'HideInstance', 'Certificate', 'LoginMode', 'AuditLevel', 'NumErrorLogs')
GO
SELECT '==dengbao end registry=='
GO
SELECT '==dengbao begin connections transport|encrypted|count=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY net_transport), '|', COUNT(*) OVER (), '|', net_transport, '|', encrypt_option, '|', n) FROM (SELECT net_transport, encrypt_option, COUNT(*) AS n FROM sys.dm_exec_connections GROUP BY net_transport, encrypt_option) t
GO
SELECT '==dengbao end connections=='
GO
SELECT '==dengbao begin listeners address|port|type|state=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY port), '|', COUNT(*) OVER (), '|', ip_address, '|', port, '|', type_desc, '|', state_desc) FROM sys.dm_tcp_listener_states
GO
SELECT '==dengbao end listeners=='
GO
SELECT '==dengbao begin databases name|state|recovery|page_verify|encrypted|trustworthy|chaining|owner=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY name), '|', COUNT(*) OVER (), '|', REPLACE(name, '|', '/'), '|', state_desc, '|', recovery_model_desc, '|', page_verify_option_desc, '|', is_encrypted, '|', is_trustworthy_on, '|', is_db_chaining_on, '|', SUSER_SNAME(owner_sid)) FROM sys.databases
GO
SELECT '==dengbao end databases=='
GO
SELECT '==dengbao begin db_users name|type|login=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY p.principal_id), '|', COUNT(*) OVER (), '|', REPLACE(REPLACE(p.name, '|', '/'), CHAR(9), ' '), '|', p.type, '|', REPLACE(REPLACE(s.name, '|', '/'), CHAR(9), ' ')) FROM sys.database_principals p LEFT JOIN sys.server_principals s ON s.sid = p.sid WHERE p.type IN ('S', 'U', 'G', 'C', 'K', 'E', 'X')
GO
SELECT '==dengbao end db_users=='
GO
SELECT '==dengbao begin db_roles member|role|fixed=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY r.name), '|', COUNT(*) OVER (), '|', REPLACE(REPLACE(m.name, '|', '/'), CHAR(9), ' '), '|', r.name, '|', r.is_fixed_role) FROM sys.database_principals r LEFT JOIN sys.database_role_members x ON x.role_principal_id = r.principal_id LEFT JOIN sys.database_principals m ON m.principal_id = x.member_principal_id WHERE r.type = 'R'
GO
SELECT '==dengbao end db_roles=='
GO
SELECT '==dengbao begin db_rights grantee|class|schema|object|column|right|state=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY p.name), '|', COUNT(*) OVER (), '|', REPLACE(REPLACE(p.name, '|', '/'), CHAR(9), ' '), '|', x.class_desc, '|', CASE x.class WHEN 3 THEN SCHEMA_NAME(x.major_id) ELSE OBJECT_SCHEMA_NAME(x.major_id) END, '|', REPLACE(OBJECT_NAME(x.major_id), '|', '/'), '|', CASE WHEN x.class = 1 AND x.minor_id > 0 THEN COL_NAME(x.major_id, x.minor_id) END, '|', x.permission_name, '|', x.state_desc) FROM sys.database_permissions x JOIN sys.database_principals p ON p.principal_id = x.grantee_principal_id WHERE x.major_id >= 0
GO
SELECT '==dengbao end db_rights=='
GO
SELECT '==dengbao begin db_tables schema|tables=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY s), '|', COUNT(*) OVER (), '|', s, '|', n) FROM (SELECT SCHEMA_NAME(schema_id) AS s, COUNT(*) AS n FROM sys.tables WHERE is_ms_shipped = 0 GROUP BY schema_id) t
GO
SELECT '==dengbao end db_tables=='
GO
SELECT '==dengbao begin audits name|type|enabled|status|max_mb|files=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY a.name), '|', COUNT(*) OVER (), '|', REPLACE(a.name, '|', '/'), '|', a.type_desc, '|', a.is_state_enabled, '|', s.status_desc, '|', f.max_file_size, '|', f.max_rollover_files) FROM sys.server_audits a LEFT JOIN sys.dm_server_audit_status s ON s.audit_id = a.audit_id LEFT JOIN sys.server_file_audits f ON f.audit_id = a.audit_id
GO
SELECT '==dengbao end audits=='
GO
SELECT '==dengbao begin audit_actions audit|specification|enabled|action|object|principal=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY s.name), '|', COUNT(*) OVER (), '|', REPLACE(a.name, '|', '/'), '|', REPLACE(s.name, '|', '/'), '|', s.is_state_enabled, '|', d.audit_action_name, '||') FROM sys.server_audit_specifications s JOIN sys.server_audit_specification_details d ON d.server_specification_id = s.server_specification_id LEFT JOIN sys.server_audits a ON a.audit_guid = s.audit_guid
GO
SELECT '==dengbao end audit_actions=='
GO
SELECT '==dengbao begin db_audit_actions audit|specification|enabled|action|object|principal=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY s.name), '|', COUNT(*) OVER (), '|', REPLACE(a.name, '|', '/'), '|', REPLACE(s.name, '|', '/'), '|', s.is_state_enabled, '|', d.audit_action_name, '|', CASE WHEN d.class = 1 THEN OBJECT_NAME(d.major_id) END, '|', USER_NAME(d.audited_principal_id)) FROM sys.database_audit_specifications s JOIN sys.database_audit_specification_details d ON d.database_specification_id = s.database_specification_id LEFT JOIN sys.server_audits a ON a.audit_guid = s.audit_guid
GO
SELECT '==dengbao end db_audit_actions=='
GO
SELECT '==dengbao begin traces id|default|status|max_mb|files=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY id), '|', COUNT(*) OVER (), '|', id, '|', is_default, '|', status, '|', max_size, '|', max_files) FROM sys.traces
GO
SELECT '==dengbao end traces=='
GO
SELECT '==dengbao begin backups database|type|age_hours|checksums=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY database_name), '|', COUNT(*) OVER (), '|', REPLACE(database_name, '|', '/'), '|', type, '|', h, '|', c) FROM (SELECT database_name, type, MIN(DATEDIFF(hour, backup_finish_date, GETDATE())) AS h, MIN(CONVERT(int, has_backup_checksums)) AS c FROM msdb.dbo.backupset GROUP BY database_name, type) t
GO
SELECT '==dengbao end backups=='
GO
SELECT '==dengbao begin replicas name|mode|role|state|connected=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY r.replica_server_name), '|', COUNT(*) OVER (), '|', REPLACE(r.replica_server_name, '|', '/'), '|', r.availability_mode_desc, '|', s.role_desc, '|', s.synchronization_health_desc, '|', s.connected_state_desc) FROM sys.availability_replicas r LEFT JOIN sys.dm_hadr_availability_replica_states s ON s.replica_id = r.replica_id
GO
SELECT '==dengbao end replicas=='
GO
SELECT '==dengbao begin encrypted_columns count=='
GO
SELECT CONCAT('R|1|1|', COUNT(*)) FROM sys.columns WHERE encryption_type IS NOT NULL
GO
SELECT '==dengbao end encrypted_columns=='
GO
SELECT '==dengbao begin row_security name|enabled=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY name), '|', COUNT(*) OVER (), '|', name, '|', is_enabled) FROM sys.security_policies
GO
SELECT '==dengbao end row_security=='
GO
SELECT '==dengbao begin linked_servers name|product=='
GO
SELECT CONCAT('R|', ROW_NUMBER() OVER (ORDER BY server_id), '|', COUNT(*) OVER (), '|', REPLACE(name, '|', '/'), '|', product) FROM sys.servers WHERE is_linked = 1
GO
SELECT '==dengbao end linked_servers=='
GO
SELECT '==dengbao done=='
GO
