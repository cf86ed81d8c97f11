-- collect-dm.sql 1.0：等保联调测评，只读采集脚本（达梦 DM8）
-- 未在真实达梦上运行。只有 SELECT，不改任何数据与设置；不读口令散列，不读业务数据。
-- 由数据库管理员在 disql 中运行（口令按提示输入，不写在命令行上）：
--   disql SYSDBA@服务器:5236
--   SQL> START 目录/collect-dm.sql
-- 审计设置只有审计员看得到、标记策略只有安全员看得到：以 SYSAUDITOR、SYSSSO 各再运行一次，结果依次接在第一次之后，存为一个文件。
-- 结果写到 dengbao-dm.txt，原样带回。没有权限或旧版本没有的视图会报错，属正常。
SET ECHO OFF
SET HEADING OFF
SET PAGESIZE 0
SET LINESIZE 32767
SET LINESHOW OFF
SET TIMING OFF
SET FEEDBACK OFF
SET TRIMSPOOL ON
SET DEFINE OFF
SPOOL dengbao-dm.txt
SELECT '==dengbao-sql 1 dm collect-dm.sql-1.0==' FROM DUAL;

SELECT '==dengbao begin server now|host|instance|version|arch_mode|user==' FROM DUAL;
SELECT 'R|1|1|' || TO_CHAR(SYSDATE, 'YYYY-MM-DD') || 'T' || TO_CHAR(SYSDATE, 'HH24:MI:SS') || '|' || i.HOST_NAME || '|' || i.INSTANCE_NAME || '|' || REPLACE(i.SVR_VERSION, '|', '/') || '|' || d.ARCH_MODE || '|' || USER FROM V$INSTANCE i, V$DATABASE d;
SELECT '==dengbao end server==' FROM DUAL;

SELECT '==dengbao begin banner text==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(BANNER, '|', '/') FROM V$VERSION;
SELECT '==dengbao end banner==' FROM DUAL;

SELECT '==dengbao begin parameters name|value==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || NAME || '|' || NVL(REPLACE(VALUE, '|', '/'), '') FROM V$PARAMETER WHERE NAME IN ('PWD_POLICY', 'PWD_MIN_LEN', 'COMPATIBLE_MODE', 'ENABLE_ENCRYPT', 'COMM_ENCRYPT_NAME', 'ENABLE_AUDIT', 'AUDIT_FILE_FULL_MODE', 'AUDIT_MAX_FILE_SIZE', 'AUDIT_SPACE_LIMIT', 'FAST_LOGIN', 'ENABLE_LOCAL_OSAUTH', 'ENABLE_REMOTE_OSAUTH', 'ENABLE_EXTERNAL_CALL', 'ENABLE_DDL_ANY_PRIV', 'GRANT_SCHEMA', 'PRIV_FLAG', 'PAGE_CHECK_MODE', 'DB_PAGE_CHECK', 'PAGE_CHECK', 'SVR_LOG', 'MAX_SESSIONS', 'LISTEN_IP', 'ENABLE_OBJ_REUSE', 'ENABLE_ENCRYPT_EXTERNAL_CALL', 'RLOG_APPEND_LOGIC', 'SECUR_LOGIN');
SELECT '==dengbao end parameters==' FROM DUAL;

SELECT '==dengbao begin users name|status|expires_days==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(REPLACE(USERNAME, '|', '/'), CHR(9), ' ') || '|' || ACCOUNT_STATUS || '|' || NVL(TO_CHAR(TRUNC(EXPIRY_DATE - SYSDATE)), '') FROM DBA_USERS;
SELECT '==dengbao end users==' FROM DUAL;

SELECT '==dengbao begin limits name|failed|lock_minutes|life_days|idle_minutes|method|state==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(REPLACE(u.USERNAME, '|', '/'), CHR(9), ' ') || '|' || NVL(TO_CHAR(s.FAILED_NUM), '') || '|' || NVL(TO_CHAR(s.LOCK_TIME), '') || '|' || NVL(TO_CHAR(s.LIFE_TIME), '') || '|' || NVL(TO_CHAR(s.CONN_IDLE_TIME), '') || '|' || NVL(TO_CHAR(s.AUTHENT_TYPE), '') || '|' || CASE WHEN s.PASSWORD IS NULL THEN 'none' ELSE 'set' END FROM DBA_USERS u JOIN SYSUSERS s ON s.ID = u.USER_ID;
SELECT '==dengbao end limits==' FROM DUAL;

SELECT '==dengbao begin addresses name|allow|deny==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(REPLACE(u.USERNAME, '|', '/'), CHR(9), ' ') || '|' || NVL(REPLACE(s.ALLOW_ADDR, '|', '/'), '') || '|' || NVL(REPLACE(s.NOT_ALLOW_ADDR, '|', '/'), '') FROM DBA_USERS u JOIN SYSUSERS s ON s.ID = u.USER_ID;
SELECT '==dengbao end addresses==' FROM DUAL;

SELECT '==dengbao begin user_profiles name|profile==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(REPLACE(USERNAME, '|', '/'), CHR(9), ' ') || '|' || NVL(TO_CHAR(PROFILE), '') FROM DBA_USERS;
SELECT '==dengbao end user_profiles==' FROM DUAL;

SELECT '==dengbao begin profiles profile|resource|limit==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || PROFILE || '|' || RESOURCE_NAME || '|' || LIMIT FROM DBA_PROFILES;
SELECT '==dengbao end profiles==' FROM DUAL;

SELECT '==dengbao begin roles name==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || ROLE FROM DBA_ROLES;
SELECT '==dengbao end roles==' FROM DUAL;

SELECT '==dengbao begin role_members member|role|admin==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(REPLACE(GRANTEE, '|', '/'), CHR(9), ' ') || '|' || GRANTED_ROLE || '|' || ADMIN_OPTION FROM DBA_ROLE_PRIVS;
SELECT '==dengbao end role_members==' FROM DUAL;

SELECT '==dengbao begin system_rights grantee|right|admin==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(REPLACE(GRANTEE, '|', '/'), CHR(9), ' ') || '|' || PRIVILEGE || '|' || ADMIN_OPTION FROM DBA_SYS_PRIVS;
SELECT '==dengbao end system_rights==' FROM DUAL;

SELECT '==dengbao begin owners owner|tables==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || OWNER || '|' || N FROM (SELECT OWNER, COUNT(*) N FROM DBA_TABLES WHERE OWNER NOT IN ('SYS', 'SYSAUDITOR', 'SYSSSO', 'SYSDBO', 'CTISYS', 'SYSJOB', 'SYSREP') GROUP BY OWNER);
SELECT '==dengbao end owners==' FROM DUAL;

SELECT '==dengbao begin object_rights grantee|owner|object|right|grantable==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(REPLACE(GRANTEE, '|', '/'), CHR(9), ' ') || '|' || OWNER || '|' || REPLACE(TABLE_NAME, '|', '/') || '|' || PRIVILEGE || '|' || GRANTABLE FROM DBA_TAB_PRIVS WHERE OWNER NOT IN ('SYS', 'SYSAUDITOR', 'SYSSSO', 'SYSDBO', 'CTISYS', 'SYSJOB', 'SYSREP');
SELECT '==dengbao end object_rights==' FROM DUAL;

SELECT '==dengbao begin column_rights grantee|owner|object|column|right==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || REPLACE(GRANTEE, '|', '/') || '|' || OWNER || '|' || TABLE_NAME || '|' || COLUMN_NAME || '|' || PRIVILEGE FROM DBA_COL_PRIVS;
SELECT '==dengbao end column_rights==' FROM DUAL;

SELECT '==dengbao begin audit_rules level|user|object|type|whenever==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || a."LEVEL" || '|' || a.USERID || '|' || a.TVPID || '|' || a."TYPE" || '|' || a.WHENEVER FROM SYSAUDITOR.SYSAUDIT a;
SELECT '==dengbao end audit_rules==' FROM DUAL;

SELECT '==dengbao begin labels policies==' FROM DUAL;
SELECT 'R|1|1|' || COUNT(*) FROM SYSSSO.SYSMACPLYS;
SELECT '==dengbao end labels==' FROM DUAL;

SELECT '==dengbao begin label_tables tables==' FROM DUAL;
SELECT 'R|1|1|' || COUNT(*) FROM SYSSSO.SYSMACTABPLY;
SELECT '==dengbao end label_tables==' FROM DUAL;

SELECT '==dengbao begin sample_schemas name==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || OWNER FROM (SELECT DISTINCT OWNER FROM DBA_TABLES WHERE OWNER = 'DMHR' OR (OWNER = 'PURCHASING' AND TABLE_NAME = 'VENDOR_PERSON') OR TABLESPACE_NAME = 'BOOKSHOP');
SELECT '==dengbao end sample_schemas==' FROM DUAL;

SELECT '==dengbao begin archive_destinations type|status==' FROM DUAL;
SELECT 'R|' || ROWNUM || '|' || COUNT(*) OVER () || '|' || ARCH_TYPE || '|' || ARCH_IS_VALID FROM V$DM_ARCH_INI;
SELECT '==dengbao end archive_destinations==' FROM DUAL;

SELECT '==dengbao done==' FROM DUAL;
SPOOL OFF
EXIT
