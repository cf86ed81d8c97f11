-- collect-oracle.sql 1.0：等保联调测评，只读采集脚本（Oracle 11g、12c、18c、19c 及以后）
-- 未在真实 Oracle 上运行。只有 SELECT，不改任何数据与设置；不读口令散列，不读业务数据。
-- 由数据库管理员在 sqlplus 中运行：
--   sqlplus / as sysdba @collect-oracle.sql          （容器数据库先 ALTER SESSION SET CONTAINER=业务PDB）
-- 结果写到当前目录 dengbao-oracle.txt，原样带回。旧版本没有的视图会报错，属正常。
SET ECHO OFF
SET DEFINE OFF
SET HEADING OFF
SET PAGESIZE 0
SET LINESIZE 32767
SET TRIMSPOOL ON
SET TRIMOUT ON
SET TAB OFF
SET FEEDBACK OFF
SET VERIFY OFF
SET TIMING OFF
SET SQLPROMPT ""
SET NUMWIDTH 20
SET SQLBLANKLINES ON
SPOOL dengbao-oracle.txt
PROMPT ==dengbao-sql 1 oracle collect-oracle.sql-1.0==

PROMPT ==dengbao begin server now|host|instance|database|log_mode|role|version|user|sysdba|protocol==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TO_CHAR(SYSTIMESTAMP, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM') || '|' || i.host_name || '|' || i.instance_name || '|' || d.name || '|' || d.log_mode || '|' || d.database_role || '|' || i.version || '|' || SYS_CONTEXT('USERENV', 'SESSION_USER') || '|' || SYS_CONTEXT('USERENV', 'ISDBA') || '|' || SYS_CONTEXT('USERENV', 'NETWORK_PROTOCOL') FROM v$instance i, v$database d;
PROMPT ==dengbao end server==

PROMPT ==dengbao begin banner text==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(banner, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') FROM v$version;
PROMPT ==dengbao end banner==

PROMPT ==dengbao begin container name==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || SYS_CONTEXT('USERENV', 'CON_NAME') FROM dual;
PROMPT ==dengbao end container==

PROMPT ==dengbao begin patches time|action|version|text==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TO_CHAR(action_time, 'YYYY-MM-DD') || '|' || action || '|' || version || '|' || TRANSLATE(comments, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') FROM dba_registry_history;
PROMPT ==dengbao end patches==

PROMPT ==dengbao begin patches_12c time|action|version|text==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TO_CHAR(action_time, 'YYYY-MM-DD') || '|' || action || '|' || status || '|' || TRANSLATE(description, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') FROM dba_registry_sqlpatch;
PROMPT ==dengbao end patches_12c==

PROMPT ==dengbao begin parameters name|value==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || name || '|' || TRANSLATE(value, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') FROM v$parameter WHERE name IN ('audit_trail', 'audit_sys_operations', 'audit_syslog_level', 'unified_audit_sga_queue_size', 'resource_limit', 'max_idle_time', 'remote_os_authent', 'remote_os_roles', 'os_roles', 'os_authent_prefix', 'remote_login_passwordfile', 'o7_dictionary_accessibility', 'O7_DICTIONARY_ACCESSIBILITY', 'sec_case_sensitive_logon', 'sec_max_failed_login_attempts', 'sec_return_server_release_banner', 'sql92_security', 'utl_file_dir', 'global_names', 'db_block_checksum', 'db_block_checking', 'remote_listener', 'local_listener', 'ldap_directory_access', 'compatible', 'sessions', 'enable_ddl_logging', 'tde_configuration', 'audit_file_dest', 'sql_trace');
PROMPT ==dengbao end parameters==

PROMPT ==dengbao begin users name|status|profile|method|versions|expires_days|created_days==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(username, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || account_status || '|' || profile || '|' || authentication_type || '|' || password_versions || '|' || TRUNC(expiry_date - SYSDATE) || '|' || TRUNC(SYSDATE - created) FROM dba_users;
PROMPT ==dengbao end users==

PROMPT ==dengbao begin users_12c name|maintained|common|idle_days==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(username, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || oracle_maintained || '|' || common || '|' || TRUNC(SYSDATE - CAST(last_login AS DATE)) FROM dba_users;
PROMPT ==dengbao end users_12c==

PROMPT ==dengbao begin password_age name|age_days==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(name, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || TRUNC(SYSDATE - ptime) FROM sys.user$ WHERE type# = 1;
PROMPT ==dengbao end password_age==

PROMPT ==dengbao begin default_passwords name==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || username FROM dba_users_with_defpwd;
PROMPT ==dengbao end default_passwords==

PROMPT ==dengbao begin profiles profile|resource|limit==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || profile || '|' || resource_name || '|' || limit FROM dba_profiles WHERE resource_name IN ('FAILED_LOGIN_ATTEMPTS', 'PASSWORD_LOCK_TIME', 'PASSWORD_LIFE_TIME', 'PASSWORD_GRACE_TIME', 'PASSWORD_REUSE_TIME', 'PASSWORD_REUSE_MAX', 'PASSWORD_VERIFY_FUNCTION', 'INACTIVE_ACCOUNT_TIME', 'IDLE_TIME', 'CONNECT_TIME', 'SESSIONS_PER_USER');
PROMPT ==dengbao end profiles==

PROMPT ==dengbao begin verify_source name|line|text==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || name || '|' || line || '|' || TRANSLATE(TRIM(text), '|' || CHR(9) || CHR(10) || CHR(13), '/   ') FROM dba_source WHERE owner = 'SYS' AND type = 'FUNCTION' AND name IN (SELECT limit FROM dba_profiles WHERE resource_name = 'PASSWORD_VERIFY_FUNCTION') AND (text LIKE '%=>%' OR LOWER(text) LIKE '%complexity_check%');
PROMPT ==dengbao end verify_source==

PROMPT ==dengbao begin roles name==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || role FROM dba_roles;
PROMPT ==dengbao end roles==

PROMPT ==dengbao begin roles_12c name|maintained==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || role || '|' || oracle_maintained FROM dba_roles;
PROMPT ==dengbao end roles_12c==

PROMPT ==dengbao begin role_members member|role|admin==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(grantee, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || granted_role || '|' || admin_option FROM dba_role_privs;
PROMPT ==dengbao end role_members==

PROMPT ==dengbao begin system_rights grantee|right|admin==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(grantee, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || privilege || '|' || admin_option FROM dba_sys_privs;
PROMPT ==dengbao end system_rights==

PROMPT ==dengbao begin password_file name|sysdba|sysoper==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || username || '|' || sysdba || '|' || sysoper FROM v$pwfile_users;
PROMPT ==dengbao end password_file==

PROMPT ==dengbao begin owners owner|tables==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || owner || '|' || n FROM (SELECT owner, COUNT(*) n FROM dba_tables WHERE owner NOT IN ('SYS', 'SYSTEM', 'OUTLN', 'DBSNMP', 'XDB', 'WMSYS', 'CTXSYS', 'MDSYS', 'ORDSYS', 'ORDDATA', 'ORDPLUGINS', 'OLAPSYS', 'EXFSYS', 'SYSMAN', 'LBACSYS', 'DVSYS', 'DVF', 'AUDSYS', 'GSMADMIN_INTERNAL', 'OJVMSYS', 'DBSFWUSER', 'APPQOSSYS', 'REMOTE_SCHEDULER_AGENT', 'FLOWS_FILES', 'OWBSYS', 'MGMT_VIEW', 'ORACLE_OCM', 'SI_INFORMTN_SCHEMA') AND owner NOT LIKE 'APEX%' GROUP BY owner);
PROMPT ==dengbao end owners==

PROMPT ==dengbao begin object_rights grantee|owner|object|right|grantable==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(grantee, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || owner || '|' || TRANSLATE(table_name, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || privilege || '|' || grantable FROM dba_tab_privs WHERE owner NOT IN ('SYS', 'SYSTEM', 'OUTLN', 'DBSNMP', 'XDB', 'WMSYS', 'CTXSYS', 'MDSYS', 'ORDSYS', 'ORDDATA', 'ORDPLUGINS', 'OLAPSYS', 'EXFSYS', 'SYSMAN', 'LBACSYS', 'DVSYS', 'DVF', 'AUDSYS', 'GSMADMIN_INTERNAL', 'OJVMSYS', 'DBSFWUSER', 'APPQOSSYS', 'REMOTE_SCHEDULER_AGENT', 'FLOWS_FILES', 'OWBSYS', 'MGMT_VIEW', 'ORACLE_OCM', 'SI_INFORMTN_SCHEMA', 'SCOTT', 'HR', 'OE', 'PM', 'IX', 'SH', 'BI') AND owner NOT LIKE 'APEX%';
PROMPT ==dengbao end object_rights==

PROMPT ==dengbao begin column_rights grantee|owner|object|column|right==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(grantee, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || owner || '|' || table_name || '|' || column_name || '|' || privilege FROM dba_col_privs WHERE owner NOT IN ('SYS', 'SYSTEM', 'XDB', 'WMSYS', 'CTXSYS', 'MDSYS', 'ORDSYS');
PROMPT ==dengbao end column_rights==

PROMPT ==dengbao begin audit_rights grantee|object|right==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || grantee || '|' || table_name || '|' || privilege FROM dba_tab_privs WHERE table_name IN ('AUD$', 'FGA_LOG$', 'AUD$UNIFIED', 'UNIFIED_AUDIT_TRAIL');
PROMPT ==dengbao end audit_rights==

PROMPT ==dengbao begin public_packages package|right==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || table_name || '|' || privilege FROM dba_tab_privs WHERE grantee = 'PUBLIC' AND owner = 'SYS' AND table_name IN ('UTL_FILE', 'UTL_HTTP', 'UTL_SMTP', 'UTL_TCP', 'UTL_INADDR', 'DBMS_SCHEDULER', 'DBMS_JOB', 'DBMS_ADVISOR', 'DBMS_LOB', 'DBMS_SYS_SQL', 'DBMS_BACKUP_RESTORE', 'DBMS_JAVA', 'DBMS_JAVA_TEST', 'HTTPURITYPE', 'DBMS_XMLGEN', 'DBMS_RANDOM', 'DBMS_LDAP');
PROMPT ==dengbao end public_packages==

PROMPT ==dengbao begin audit_statements user|option|success|failure==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || user_name || '|' || audit_option || '|' || success || '|' || failure FROM dba_stmt_audit_opts;
PROMPT ==dengbao end audit_statements==

PROMPT ==dengbao begin audit_privileges user|option|success|failure==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || user_name || '|' || privilege || '|' || success || '|' || failure FROM dba_priv_audit_opts;
PROMPT ==dengbao end audit_privileges==

PROMPT ==dengbao begin unified_mode value==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || value FROM v$option WHERE parameter = 'Unified Auditing';
PROMPT ==dengbao end unified_mode==

PROMPT ==dengbao begin unified_enabled policy|option|entity|success|failure==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || policy_name || '|' || enabled_option || '|' || entity_name || '|' || success || '|' || failure FROM audit_unified_enabled_policies;
PROMPT ==dengbao end unified_enabled==

PROMPT ==dengbao begin unified_enabled_121 policy|option|entity|success|failure==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || policy_name || '|' || enabled_opt || '|' || user_name || '|' || success || '|' || failure FROM audit_unified_enabled_policies;
PROMPT ==dengbao end unified_enabled_121==

PROMPT ==dengbao begin unified_options policy|option|type==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || policy_name || '|' || audit_option || '|' || audit_option_type FROM audit_unified_policies WHERE policy_name IN (SELECT policy_name FROM audit_unified_enabled_policies);
PROMPT ==dengbao end unified_options==

PROMPT ==dengbao begin sessions sessions|plain==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || a || '|' || p FROM (SELECT COUNT(*) a, SUM(CASE WHEN enc = 0 THEN 1 ELSE 0 END) p FROM (SELECT sid, MAX(CASE WHEN network_service_banner LIKE 'TCP/IP NT Protocol Adapter%' THEN 1 ELSE 0 END) tcp, MAX(CASE WHEN network_service_banner LIKE '%Encryption service adapter%' THEN 1 ELSE 0 END) enc FROM v$session_connect_info GROUP BY sid) WHERE tcp = 1);
PROMPT ==dengbao end sessions==

PROMPT ==dengbao begin encrypted kind|count==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || k || '|' || n FROM (SELECT 'tablespace' k, COUNT(*) n FROM dba_tablespaces WHERE encrypted = 'YES' UNION ALL SELECT 'column', COUNT(*) FROM dba_encrypted_columns);
PROMPT ==dengbao end encrypted==

PROMPT ==dengbao begin components name|version|status==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(comp_name, '|' || CHR(9), '/ ') || '|' || version || '|' || status FROM dba_registry;
PROMPT ==dengbao end components==

PROMPT ==dengbao begin audit_cleanup job|status|trail==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || job_name || '|' || job_status || '|' || audit_trail FROM dba_audit_mgmt_cleanup_jobs;
PROMPT ==dengbao end audit_cleanup==

PROMPT ==dengbao begin audit_cleaners grantee|right==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(grantee, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || privilege FROM dba_tab_privs WHERE table_name = 'DBMS_AUDIT_MGMT';
PROMPT ==dengbao end audit_cleaners==

PROMPT ==dengbao begin audit_record_traditional age_days==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRUNC(CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - CAST(ntimestamp# AS DATE)) FROM sys.aud$ WHERE ROWNUM = 1;
PROMPT ==dengbao end audit_record_traditional==

PROMPT ==dengbao begin audit_record_unified age_days==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRUNC(CURRENT_DATE - CAST(event_timestamp AS DATE)) FROM unified_audit_trail WHERE ROWNUM = 1;
PROMPT ==dengbao end audit_record_unified==

PROMPT ==dengbao begin label_option value==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || value FROM v$option WHERE parameter = 'Oracle Label Security';
PROMPT ==dengbao end label_option==

PROMPT ==dengbao begin label_tables policy|tables|reads==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || policy_name || '|' || n || '|' || r FROM (SELECT policy_name, COUNT(*) n, SUM(CASE WHEN table_options LIKE '%READ_CONTROL%' OR table_options LIKE '%ALL_CONTROL%' THEN 1 ELSE 0 END) r FROM dba_sa_table_policies WHERE status = 'ENABLED' GROUP BY policy_name);
PROMPT ==dengbao end label_tables==

PROMPT ==dengbao begin sample_schemas name==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || owner FROM (SELECT DISTINCT owner FROM dba_tables WHERE (owner = 'SCOTT' AND table_name = 'SALGRADE') OR (owner = 'HR' AND table_name = 'JOB_HISTORY') OR (owner = 'OE' AND table_name = 'PRODUCT_INFORMATION') OR (owner = 'PM' AND table_name = 'PRINT_MEDIA') OR (owner = 'SH' AND table_name = 'SUPPLEMENTARY_DEMOGRAPHICS'));
PROMPT ==dengbao end sample_schemas==

PROMPT ==dengbao begin libraries owner|name==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || TRANSLATE(owner, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') || '|' || TRANSLATE(library_name, '|' || CHR(9) || CHR(10) || CHR(13), '/   ') FROM dba_libraries WHERE dynamic = 'Y';
PROMPT ==dengbao end libraries==

PROMPT ==dengbao begin tablespaces encrypted|count==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || encrypted || '|' || n FROM (SELECT encrypted, COUNT(*) n FROM dba_tablespaces WHERE contents = 'PERMANENT' AND tablespace_name NOT IN ('SYSTEM', 'SYSAUX') GROUP BY encrypted);
PROMPT ==dengbao end tablespaces==

PROMPT ==dengbao begin labels policy|status==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || policy_name || '|' || status FROM dba_sa_policies;
PROMPT ==dengbao end labels==

PROMPT ==dengbao begin archive_destinations id|status|target==
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || dest_id || '|' || status || '|' || target FROM v$archive_dest WHERE status <> 'INACTIVE';
PROMPT ==dengbao end archive_destinations==

PROMPT ==dengbao begin backups type|status|age_hours==
SELECT 'R|' || rn || '|' || n || '|' || input_type || '|' || status || '|' || h FROM (SELECT ROW_NUMBER() OVER (ORDER BY end_time DESC) rn, COUNT(*) OVER () n, input_type, status, ROUND((SYSDATE - end_time) * 24) h FROM v$rman_backup_job_details) WHERE rn <= 200;
PROMPT ==dengbao end backups==

PROMPT ==dengbao done==
SPOOL OFF
EXIT
