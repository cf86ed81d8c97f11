# dengbao Windows 采集脚本 1.0（collect-windows.ps1）
#
# 做什么：在被测 Windows 主机上只读地查看安全配置，写出一个文本文件，交给 dengbao 离线判定。
# 读什么：系统版本；本地账户与组；本地安全策略（secedit、net accounts）；审核策略（auditpol）；
#         事件日志的设置与最早记录时间（不取记录内容）；服务、共享、监听端口、防火墙规则；补丁与更新设置；
#         已启用的功能与已安装程序；下面列出名称的注册表值；杀毒、可信启动、磁盘加密状态。
# 不读什么：口令、口令散列、业务数据、文件内容；自动登录口令只看有无，不取值。
# 写什么：只写 -Out 指定的一个输出文件；secedit、auditpol 只能导出到文件，故在临时目录建一个随机命名的
#         文件夹，用后即删。不改任何设置，不安装模块，不联网（域成员解析域账户名时，系统可能询问域控制器）。
# 怎么用：以管理员身份打开 64 位 Windows PowerShell（2.0 及以上，Server 2008 R2 起），运行
#         powershell -NoProfile -ExecutionPolicy Bypass -File collect-windows.ps1 -Out D:\his01.txt
#         没有管理员权限也能运行，但账户策略、审核策略、安全日志等读不到，相应测评项为“无法判定”。
# 声明：本脚本按微软公开文档编写，编写时没有在真实的 Windows 上运行过；首次使用请先在测试机上试一次。

param([string]$Out = '')

$ErrorActionPreference = 'Stop'
$Version = '1.0'

if ([IntPtr]::Size -eq 4 -and $env:PROCESSOR_ARCHITEW6432) {
    Write-Host '请改用 64 位 Windows PowerShell 运行：32 位程序看到的注册表不是系统本身的。'
    exit 2
}
# 只在本进程内：系统工具一律取自 System32。
$env:Path = $env:SystemRoot + '\System32;' + $env:SystemRoot + '\System32\wbem'

$Begun = Get-Date
if ($Out -eq '') {
    $Out = 'dengbao-' + $env:COMPUTERNAME + '-' + $Begun.ToString('yyyyMMddHHmmss') + '.txt'
}
if (-not [IO.Path]::IsPathRooted($Out)) {
    $Out = Join-Path (Get-Location -PSProvider FileSystem).ProviderPath $Out
}
if (Test-Path -LiteralPath $Out) {
    Write-Host ('输出文件已存在，不覆盖：' + $Out)
    exit 2
}

$Identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$Principal = New-Object Security.Principal.WindowsPrincipal($Identity)
$Admin = $Principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
$Nonce = [Guid]::NewGuid().ToString('N')
$Zero = New-Object DateTime(1970, 1, 1, 0, 0, 0, ([DateTimeKind]::Utc))
$All = New-Object Text.StringBuilder
$Part = New-Object Text.StringBuilder
$Incomplete = @()

# ---- 输出 ----

function Add-Text([string]$line) {
    [void]$All.Append($line).Append("`n")
}

function Clear-Field($value) {
    if ($null -eq $value) { return '' }
    $text = [string]$value
    return $text.Replace('\', '\\').Replace("`t", '\t').Replace("`r", '\r').Replace("`n", '\n')
}

function Put {
    $fields = @()
    foreach ($one in $args) { $fields += (Clear-Field $one) }
    [void]$Part.Append([string]::Join("`t", [string[]]$fields)).Append("`n")
}

function Put-Raw($lines) {
    foreach ($one in @($lines)) {
        [void]$Part.Append(([string]$one).Replace("`r", '')).Append("`n")
    }
}

function Need-Admin {
    if (-not $Admin) { throw (New-Object UnauthorizedAccessException('needs administrator')) }
}

function Test-Denied($failure) {
    $one = $failure
    while ($null -ne $one) {
        if ($one -is [UnauthorizedAccessException] -or $one -is [Security.SecurityException]) { return $true }
        $one = $one.InnerException
    }
    return $false
}

# 一段采集：出错不影响其他段；已取得的内容照写，返回码说明是否完整（0 完整，5 权限不足，1 其他错误）。
function Section([string]$name, [string]$title, [int]$max, [scriptblock]$body) {
    Write-Host ('  正在查看：' + $title)
    $Part.Length = 0
    $code = 0
    $message = ''
    try {
        & $body
    } catch {
        $message = [string]$_.Exception.Message
        $code = 1
        if (Test-Denied $_.Exception) { $code = 5 }
        $script:Incomplete += ($title + '（' + $message + '）')
    }
    $text = $Part.ToString()
    if ($text.Length -gt 0) { $text = $text.Substring(0, $text.Length - 1) }
    Add-Text ($Nonce + ' begin ' + $name + ' ' + $max)
    if ($text.Length -gt 0) { Add-Text $text }
    Add-Text ($Nonce + ' end ' + $name)
    if ($message -ne '') { Add-Text (Clear-Field $message) }
    Add-Text ($Nonce + ' rc ' + $code)
    Add-Text ($Nonce + ' close ' + $name)
}

# ---- 取值 ----

function Get-Epoch($moment) {
    if ($null -eq $moment) { return '' }
    return [string][int64](($moment.ToUniversalTime() - $Zero).TotalSeconds)
}

function Get-WmiEpoch($text) {
    if (-not $text) { return '' }
    return (Get-Epoch ([Management.ManagementDateTimeConverter]::ToDateTime($text)))
}

function Put-Reg([string]$label, $hive, [string]$path, [string]$name) {
    try {
        $key = $hive.OpenSubKey($path)
        if ($null -eq $key) { Put 'absent' $label; return }
        $value = $key.GetValue($name, $null)
        if ($null -eq $value) {
            Put 'absent' $label
        } else {
            if ($value -is [Array]) { $value = [string]::Join('|', [string[]]@($value)) }
            Put 'value' $label ($key.GetValueKind($name)) $value
        }
        $key.Close()
    } catch {
        Put 'unread' $label $_.Exception.Message
    }
}

function Put-RegSet([string]$label, [string]$path, [string[]]$names) {
    foreach ($name in $names) {
        Put-Reg ($label + '.' + $name) ([Microsoft.Win32.Registry]::LocalMachine) $path $name
    }
}

function Invoke-Get($thing, [string]$name) {
    return $thing.GetType().InvokeMember($name, [Reflection.BindingFlags]::GetProperty, $null, $thing, $null)
}

function Get-Sid($bytes) {
    if ($null -eq $bytes) { return '' }
    return (New-Object Security.Principal.SecurityIdentifier([byte[]]$bytes, 0)).Value
}

function Get-Scratch {
    $folder = Join-Path ([IO.Path]::GetTempPath()) ('dengbao-' + [Guid]::NewGuid().ToString('N'))
    [void](New-Item -ItemType Directory -Path $folder)
    return $folder
}

function Put-Export([string]$file) {
    # ReadAllText 按文件开头的标记识别 UTF-16；没有标记的按 UTF-8。
    Put-Raw ([IO.File]::ReadAllText($file).Replace("`r`n", "`n").TrimEnd("`n").Split("`n"))
}

Write-Host ('dengbao Windows 采集脚本 ' + $Version + '：只读查看本机安全配置，写出一个文件。')
if (-not $Admin) {
    Write-Host '注意：当前不是管理员权限，账户策略、审核策略、安全日志、可信根、磁盘加密将读不到，'
    Write-Host '      相应测评项只能是“无法判定”。建议关闭本窗口，右键“以管理员身份运行”后重做。'
}

Add-Text 'dengbao-collect 1'
Add-Text 'platform: windows'
Add-Text ('collector: collect-windows.ps1 ' + $Version)
Add-Text ('host: ' + $env:COMPUTERNAME)
Add-Text ('begun: ' + $Begun.ToString('yyyy-MM-ddTHH:mm:sszzz'))
if ($Admin) { Add-Text 'privilege: administrator' } else { Add-Text 'privilege: user' }
Add-Text ('nonce: ' + $Nonce)
Add-Text ''

Section 'system' '系统信息' 65536 {
    $os = Get-WmiObject -Class Win32_OperatingSystem
    $computer = Get-WmiObject -Class Win32_ComputerSystem
    Put 'caption' $os.Caption
    Put 'version' $os.Version
    Put 'build' $os.BuildNumber
    Put 'service_pack' $os.ServicePackMajorVersion
    Put 'architecture' $os.OSArchitecture
    Put 'product_type' $os.ProductType
    Put 'domain_role' $computer.DomainRole
    Put 'domain' $computer.Domain
    Put 'installed' (Get-WmiEpoch $os.InstallDate)
    Put 'booted' (Get-WmiEpoch $os.LastBootUpTime)
    Put 'now' (Get-Epoch (Get-Date))
    Put 'language' $os.OSLanguage
    Put 'culture' ((Get-Culture).Name)
    Put 'powershell' $PSVersionTable.PSVersion
    Put 'user' $Identity.Name
    Put 'user_sid' $Identity.User.Value
    Put 'administrator' $Admin
    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE\Microsoft\Windows NT\CurrentVersion')
    foreach ($name in 'UBR', 'InstallationType', 'ReleaseId', 'DisplayVersion', 'ProductName') {
        Put ('registry.' + $name) $key.GetValue($name, '')
    }
    $key.Close()
}

Section 'secedit' '本地安全策略' 1048576 {
    Need-Admin
    $folder = Get-Scratch
    try {
        $file = Join-Path $folder 'policy.inf'
        $log = Join-Path $folder 'policy.log'
        [void](secedit.exe /export /cfg $file /log $log /quiet)
        if (-not (Test-Path -LiteralPath $file)) { throw ('secedit /export 未写出文件，返回码 ' + $LASTEXITCODE) }
        Put-Export $file
    } finally {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
}

Section 'netaccounts' '账户策略（net accounts）' 65536 {
    Put-Raw (net.exe accounts)
    if ($LASTEXITCODE -ne 0) { throw ('net accounts 返回码 ' + $LASTEXITCODE) }
}

Section 'auditpol' '审核策略' 1048576 {
    Need-Admin
    Put-Raw (auditpol.exe /get '/category:*' /r)
    if ($LASTEXITCODE -ne 0) { throw ('auditpol /get 返回码 ' + $LASTEXITCODE) }
}

# /get /r 的“成功和失败”随系统语言变化；/backup 另有一列数字，且含逐用户的审核设置。
Section 'auditbackup' '审核策略（数值）' 1048576 {
    Need-Admin
    $folder = Get-Scratch
    try {
        $file = Join-Path $folder 'audit.csv'
        [void](auditpol.exe /backup ('/file:' + $file))
        if (-not (Test-Path -LiteralPath $file)) { throw ('auditpol /backup 未写出文件，返回码 ' + $LASTEXITCODE) }
        Put-Export $file
    } finally {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
}

Section 'accounts' '本地账户' 8388608 {
    $set = @{}
    if (Get-Command -Name Get-LocalUser -CommandType Cmdlet -ErrorAction SilentlyContinue) {
        try {
            foreach ($one in @(Get-LocalUser)) {
                $when = 'never'
                if ($null -ne $one.PasswordLastSet) { $when = Get-Epoch $one.PasswordLastSet }
                $set[$one.SID.Value] = $when
            }
        } catch {
            $set = @{} # 域控制器上没有本地账户可列，改用口令已用天数
        }
    }
    $machine = [ADSI]('WinNT://' + $env:COMPUTERNAME + ',computer')
    foreach ($user in $machine.psbase.Children) {
        if ($user.psbase.SchemaClassName -ne 'User') { continue }
        $properties = $user.psbase.Properties
        $sid = Get-Sid $properties['objectSid'].Value
        $flags = [int]$properties['UserFlags'].Value
        $login = ''
        $expires = ''
        try { $login = Get-Epoch $properties['LastLogin'].Value } catch { $login = '' }
        try { $expires = Get-Epoch $properties['AccountExpirationDate'].Value } catch { $expires = '' }
        Put 'account' $properties['Name'].Value $sid $flags $properties['PasswordAge'].Value $set[$sid] $login $expires
    }
}

Section 'groups' '本地组及其成员' 8388608 {
    $machine = [ADSI]('WinNT://' + $env:COMPUTERNAME + ',computer')
    foreach ($group in $machine.psbase.Children) {
        if ($group.psbase.SchemaClassName -ne 'Group') { continue }
        $sid = Get-Sid $group.psbase.Properties['objectSid'].Value
        Put 'group' $sid $group.psbase.Properties['Name'].Value
        try {
            foreach ($member in @($group.psbase.Invoke('Members'))) {
                $who = Get-Sid (Invoke-Get $member 'objectSid')
                Put 'member' $sid $who (Invoke-Get $member 'Name') (Invoke-Get $member 'Class') (Invoke-Get $member 'ADsPath')
            }
        } catch {
            Put 'unread' $sid $_.Exception.Message
        }
    }
}

Section 'registry' '安全相关的注册表值' 1048576 {
    $control = 'SYSTEM\CurrentControlSet\Control\'
    $services = 'SYSTEM\CurrentControlSet\Services\'
    $policies = 'SOFTWARE\Policies\Microsoft\'
    Put-RegSet 'lsa' ($control + 'Lsa') @('RunAsPPL', 'LmCompatibilityLevel', 'RestrictAnonymous', 'RestrictAnonymousSAM',
        'EveryoneIncludesAnonymous', 'NoLMHash', 'LimitBlankPasswordUse', 'SCENoApplyLegacyAuditPolicy', 'CrashOnAuditFail',
        'Notification Packages', 'DisableDomainCreds')
    $winlogon = 'SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon'
    Put-RegSet 'winlogon' $winlogon @('AutoAdminLogon', 'CachedLogonsCount', 'ScRemoveOption', 'DefaultUserName')
    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey($winlogon)
    Put 'value' 'winlogon.DefaultPassword.present' 'DWord' ([int](@($key.GetValueNames()) -contains 'DefaultPassword'))
    $key.Close()
    Put-RegSet 'system' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' @('DontDisplayLastUserName', 'EnableLUA',
        'ConsentPromptBehaviorAdmin', 'FilterAdministratorToken', 'LocalAccountTokenFilterPolicy', 'scforceoption', 'DisableCAD',
        'InactivityTimeoutSecs')
    Put-RegSet 'memory' ($control + 'Session Manager\Memory Management') @('ClearPageFileAtShutdown', 'PagingFiles')
    Put-RegSet 'crash' ($control + 'CrashControl') @('CrashDumpEnabled')
    Put-RegSet 'server' ($services + 'LanmanServer\Parameters') @('SMB1', 'AutoShareServer', 'AutoShareWks',
        'RequireSecuritySignature', 'EnableSecuritySignature', 'NullSessionShares', 'NullSessionPipes', 'RestrictNullSessAccess')
    Put-RegSet 'workstation' ($services + 'LanmanWorkstation\Parameters') @('RequireSecuritySignature')
    $rdp = @('fDenyTSConnections', 'UserAuthentication', 'SecurityLayer', 'MinEncryptionLevel', 'MaxIdleTime',
        'MaxDisconnectionTime', 'fInheritMaxIdleTime', 'PortNumber')
    Put-RegSet 'rdp' ($control + 'Terminal Server') @('fDenyTSConnections')
    Put-RegSet 'rdptcp' ($control + 'Terminal Server\WinStations\RDP-Tcp') $rdp
    Put-RegSet 'rdppolicy' ($policies + 'Windows NT\Terminal Services') $rdp
    Put-RegSet 'winrm' ($policies + 'Windows\WinRM\Service') @('AllowUnencryptedTraffic', 'AllowBasic')
    Put-RegSet 'update' ($policies + 'Windows\WindowsUpdate') @('WUServer', 'DisableWindowsUpdateAccess')
    Put-RegSet 'update' ($policies + 'Windows\WindowsUpdate\AU') @('UseWUServer', 'NoAutoUpdate', 'AUOptions')
    Put-RegSet 'time' ($services + 'W32Time\Parameters') @('Type', 'NtpServer')
    Put-RegSet 'powershell' ($policies + 'Windows\PowerShell\ScriptBlockLogging') @('EnableScriptBlockLogging')
    Put-RegSet 'powershell' ($policies + 'Windows\PowerShell\ModuleLogging') @('EnableModuleLogging')
    Put-RegSet 'powershell' ($policies + 'Windows\PowerShell\Transcription') @('EnableTranscripting')
    Put-RegSet 'boot' $control.TrimEnd('\') @('PEFirmwareType')
    Put-RegSet 'boot' ($control + 'SecureBoot\State') @('UEFISecureBootEnabled')
    foreach ($protocol in 'SSL 2.0', 'SSL 3.0', 'TLS 1.0', 'TLS 1.1', 'TLS 1.2', 'TLS 1.3') {
        $path = $control + 'SecurityProviders\SCHANNEL\Protocols\' + $protocol + '\Server'
        Put-RegSet ('schannel.' + $protocol) $path @('Enabled', 'DisabledByDefault')
    }
}

Section 'screens' '屏幕保护设置' 1048576 {
    foreach ($sid in [Microsoft.Win32.Registry]::Users.GetSubKeyNames()) {
        if ($sid -notmatch '^S-1-5-21-[0-9-]+$') { continue }
        Put 'hive' $sid
        foreach ($name in 'ScreenSaveActive', 'ScreenSaverIsSecure', 'ScreenSaveTimeOut', 'SCRNSAVE.EXE') {
            Put-Reg ($sid + '.user.' + $name) ([Microsoft.Win32.Registry]::Users) ($sid + '\Control Panel\Desktop') $name
            Put-Reg ($sid + '.policy.' + $name) ([Microsoft.Win32.Registry]::Users) `
                ($sid + '\Software\Policies\Microsoft\Windows\Control Panel\Desktop') $name
        }
    }
}

Section 'providers' '登录凭据提供程序' 1048576 {
    $machine = [Microsoft.Win32.Registry]::LocalMachine
    $base = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Authentication\Credential Providers'
    $key = $machine.OpenSubKey($base)
    foreach ($id in $key.GetSubKeyNames()) {
        $own = $machine.OpenSubKey($base + '\' + $id)
        $title = $own.GetValue('', '')
        $off = $own.GetValue('Disabled', 0)
        $own.Close()
        $file = ''
        $maker = ''
        $class = $machine.OpenSubKey('SOFTWARE\Classes\CLSID\' + $id + '\InprocServer32')
        if ($null -ne $class) {
            $file = [string]$class.GetValue('', '')
            $class.Close()
            if ($file -ne '' -and -not [IO.Path]::IsPathRooted($file)) { $file = $env:SystemRoot + '\System32\' + $file }
            if ($file -ne '' -and (Test-Path -LiteralPath $file)) {
                $maker = [Diagnostics.FileVersionInfo]::GetVersionInfo($file).CompanyName
            }
        }
        Put 'provider' $id $title $file $maker $off
    }
    $key.Close()
}

Section 'services' '系统服务' 8388608 {
    foreach ($one in @(Get-WmiObject -Class Win32_Service)) {
        Put 'service' $one.Name $one.State $one.StartMode $one.StartName $one.PathName $one.DisplayName
    }
    $text = @(sc.exe sdshow EventLog) -join ''
    if ($LASTEXITCODE -eq 0) { Put 'rights' 'EventLog' $text.Trim() }
}

Section 'shares' '共享' 1048576 {
    foreach ($one in @(Get-WmiObject -Class Win32_Share)) {
        if ($null -eq $one) { continue }
        Put 'share' $one.Name $one.Type $one.Path
    }
    foreach ($one in @(Get-WmiObject -Class Win32_LogicalShareSecuritySetting)) {
        if ($null -eq $one) { continue }
        $found = $one.GetSecurityDescriptor()
        if ($found.ReturnValue -ne 0) { Put 'unread' $one.Name $found.ReturnValue; continue }
        foreach ($entry in @($found.Descriptor.DACL)) {
            if ($null -eq $entry) { continue }
            Put 'entry' $one.Name $entry.Trustee.SIDString $entry.AccessMask $entry.AceType
        }
    }
}

Section 'netstat' '监听端口' 8388608 {
    Put-Raw (netstat.exe -ano)
    if ($LASTEXITCODE -ne 0) { throw ('netstat 返回码 ' + $LASTEXITCODE) }
}

Section 'processes' '进程' 8388608 {
    foreach ($one in @(Get-Process)) { Put 'process' $one.Id $one.ProcessName }
}

Section 'firewall' '防火墙' 8388608 {
    $machine = [Microsoft.Win32.Registry]::LocalMachine
    $stores = @(
        @('local', 'SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy'),
        @('policy', 'SOFTWARE\Policies\Microsoft\WindowsFirewall'))
    foreach ($store in $stores) {
        foreach ($profile_name in 'DomainProfile', 'StandardProfile', 'PrivateProfile', 'PublicProfile') {
            $key = $machine.OpenSubKey($store[1] + '\' + $profile_name)
            if ($null -eq $key) { continue }
            Put 'profile' $store[0] $profile_name $key.GetValue('EnableFirewall', '') $key.GetValue('DefaultInboundAction', '') `
                $key.GetValue('AllowLocalPolicyMerge', '') $key.GetValue('DoNotAllowExceptions', '')
            $key.Close()
        }
        $key = $machine.OpenSubKey($store[1] + '\FirewallRules')
        if ($null -eq $key) { continue }
        foreach ($id in $key.GetValueNames()) {
            $text = [string]$key.GetValue($id)
            if ($text -like '*|Dir=In|*' -and $text -like '*|Active=TRUE|*') { Put 'rule' $store[0] $id $text }
        }
        $key.Close()
        Put 'rules' $store[0]
    }
    try {
        $policy = New-Object -ComObject HNetCfg.FwPolicy2
        Put 'active' $policy.CurrentProfileTypes
        foreach ($type in 1, 2, 4) {
            Put 'effective' $type $policy.FirewallEnabled($type) $policy.DefaultInboundAction($type)
        }
    } catch {
        Put 'unread' 'active' $_.Exception.Message
    }
}

Section 'updates' '补丁与更新' 8388608 {
    foreach ($one in @(Get-WmiObject -Class Win32_QuickFixEngineering)) {
        if ($null -eq $one) { continue }
        Put 'hotfix' $one.HotFixID $one.Description $one.psbase.Properties['InstalledOn'].Value
    }
    try {
        $results = (New-Object -ComObject Microsoft.Update.AutoUpdate).Results
        $found = $results.LastSearchSuccessDate
        $installed = $results.LastInstallationSuccessDate
        if ($null -ne $found) { Put 'searched_at' (Get-Epoch ([DateTime]::SpecifyKind($found, [DateTimeKind]::Utc))) }
        if ($null -ne $installed) { Put 'installed_at' (Get-Epoch ([DateTime]::SpecifyKind($installed, [DateTimeKind]::Utc))) }
    } catch {
        Put 'unread' 'results' $_.Exception.Message
    }
    # 只查本机缓存（Online 为假）；更新服务未运行时不查，以免把它启动。
    $service = Get-WmiObject -Class Win32_Service -Filter "Name='wuauserv'"
    if ($null -eq $service -or $service.State -ne 'Running') {
        Put 'search' 'skipped'
    } else {
        $job = Start-Job -ScriptBlock {
            $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
            $searcher.Online = $false
            foreach ($one in @($searcher.Search('IsInstalled=0 and IsHidden=0').Updates)) {
                if ($null -eq $one) { continue }
                $kinds = @()
                foreach ($kind in @($one.Categories)) { $kinds += [string]$kind.CategoryID }
                $articles = @()
                foreach ($article in @($one.KBArticleIDs)) { $articles += 'KB' + $article }
                [string]::Join("`t", [string[]]@('pending', ($articles -join ','), [string]$one.MsrcSeverity, ($kinds -join ',')))
            }
            'complete'
        }
        if (Wait-Job -Job $job -Timeout 240) {
            $complete = $false
            try {
                foreach ($line in @(Receive-Job -Job $job)) {
                    if ($line -eq 'complete') { $complete = $true } else { Put-Raw $line }
                }
            } catch {
                Put 'unread' 'search' $_.Exception.Message
            }
            if ($complete) { Put 'search' 'complete' } else { Put 'search' 'failed' }
        } else {
            Stop-Job -Job $job
            Put 'search' 'timeout'
        }
        Remove-Job -Job $job -Force
    }
}

Section 'features' '已启用的功能' 1048576 {
    foreach ($one in @(Get-WmiObject -Class Win32_OptionalFeature -Filter 'InstallState=1')) {
        if ($null -ne $one) { Put 'feature' $one.Name }
    }
}

Section 'programs' '已安装程序' 8388608 {
    foreach ($path in 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall',
        'SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall') {
        $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey($path)
        if ($null -eq $key) { continue }
        foreach ($id in $key.GetSubKeyNames()) {
            $one = $key.OpenSubKey($id)
            $name = [string]$one.GetValue('DisplayName', '')
            if ($name -ne '') { Put 'program' $name $one.GetValue('DisplayVersion', '') $one.GetValue('Publisher', '') }
            $one.Close()
        }
        $key.Close()
    }
}

Section 'logs' '事件日志设置' 1048576 {
    foreach ($name in 'Security', 'System', 'Application') {
        foreach ($line in @(wevtutil.exe gl $name)) { Put 'gl' $name $line }
        try {
            $file = ''
            $log = Get-WmiObject -Class Win32_NTEventlogFile -Filter ("LogfileName='" + $name + "'")
            if ($null -ne $log) {
                Put 'file' $name $log.FileSize $log.NumberOfRecords
                $file = $log.Name
            }
            if ($file -ne '') { Put 'acl' $name (Get-Acl -Path $file).Sddl }
        } catch {
            Put 'unread' $name $_.Exception.Message
        }
        $first = @(wevtutil.exe qe $name /c:1 /rd:false /f:xml) -join ''
        if ($first -match 'SystemTime=.([0-9T:.\-]+)Z') { Put 'oldest' $name ($matches[1] + 'Z') }
    }
    $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey(
        'SOFTWARE\Policies\Microsoft\Windows\EventLog\EventForwarding\SubscriptionManager')
    if ($null -ne $key) {
        foreach ($id in $key.GetValueNames()) { Put 'subscription' $key.GetValue($id) }
        $key.Close()
    }
    Put 'subscriptions' 'read'
}

# 只取记录的形状（事件号、时间、结果、有值的字段名），不取内容。
Section 'events' '安全日志记录样本（仅字段名）' 1048576 {
    Need-Admin
    $query = '*[System[(EventID=4624 or EventID=4625 or EventID=4672 or EventID=4719 or EventID=4720 or EventID=4726 ' +
        'or EventID=4732 or EventID=4738)]]'
    $found = @(wevtutil.exe qe Security ('/q:' + $query) /c:60 /rd:true /f:xml) -join ''
    if ($LASTEXITCODE -ne 0) { throw ('wevtutil qe 返回码 ' + $LASTEXITCODE) }
    $document = New-Object Xml.XmlDocument
    $document.LoadXml('<all>' + $found + '</all>')
    foreach ($event_node in $document.DocumentElement.ChildNodes) {
        $names = @()
        foreach ($data in @($event_node.GetElementsByTagName('Data'))) {
            $text = $data.InnerText.Trim()
            if ($text -ne '' -and $text -ne '-') { $names += $data.GetAttribute('Name') }
        }
        $system = $event_node.GetElementsByTagName('System').Item(0)
        $id = $system.GetElementsByTagName('EventID').Item(0).InnerText
        $time = $system.GetElementsByTagName('TimeCreated').Item(0).GetAttribute('SystemTime')
        $result = $system.GetElementsByTagName('Keywords').Item(0).InnerText
        Put 'event' $id ([int]($time -ne '')) $result ($names -join ',')
    }
}

Section 'antivirus' '恶意代码防范' 1048576 {
    try {
        foreach ($one in @(Get-WmiObject -Namespace 'root\SecurityCenter2' -Class AntiVirusProduct)) {
            if ($null -ne $one) { Put 'product' $one.displayName $one.productState $one.timestamp }
        }
        Put 'center' 'read'
    } catch {
        Put 'unread' 'center' $_.Exception.Message
    }
    try {
        foreach ($one in @(Get-WmiObject -Namespace 'root\Microsoft\Windows\Defender' -Class MSFT_MpComputerStatus)) {
            if ($null -eq $one) { continue }
            foreach ($name in 'AMServiceEnabled', 'AntivirusEnabled', 'RealTimeProtectionEnabled', 'AntivirusSignatureVersion') {
                Put 'defender' $name $one.psbase.Properties[$name].Value
            }
            Put 'defender' 'AntivirusSignatureLastUpdated' (Get-WmiEpoch $one.AntivirusSignatureLastUpdated)
        }
    } catch {
        Put 'unread' 'defender' $_.Exception.Message
    }
}

Section 'trust' '可信根与磁盘加密' 1048576 {
    Need-Admin
    try {
        $tpm = Get-WmiObject -Namespace 'root\CIMV2\Security\MicrosoftTpm' -Class Win32_Tpm
        if ($null -eq $tpm) { Put 'tpm' 'absent' } else {
            Put 'tpm' 'present' $tpm.IsEnabled_InitialValue $tpm.IsActivated_InitialValue $tpm.SpecVersion
        }
    } catch {
        Put 'unread' 'tpm' $_.Exception.Message
    }
    try {
        $space = 'root\CIMV2\Security\MicrosoftVolumeEncryption'
        foreach ($one in @(Get-WmiObject -Namespace $space -Class Win32_EncryptableVolume)) {
            if ($null -ne $one) { Put 'volume' $one.DriveLetter $one.ProtectionStatus }
        }
    } catch {
        Put 'unread' 'volumes' $_.Exception.Message
    }
    try {
        $guard = Get-WmiObject -Namespace 'root\Microsoft\Windows\DeviceGuard' -Class Win32_DeviceGuard
        if ($null -ne $guard) {
            Put 'guard' 'virtualization' $guard.VirtualizationBasedSecurityStatus
            Put 'guard' 'running' (@($guard.SecurityServicesRunning) -join ',')
            Put 'guard' 'code_integrity' $guard.CodeIntegrityPolicyEnforcementStatus
        }
    } catch {
        Put 'unread' 'guard' $_.Exception.Message
    }
}

# ---- 写出 ----

Add-Text ($Nonce + ' done')
$encoding = New-Object Text.UTF8Encoding($false)
$bytes = $encoding.GetBytes($All.ToString())
try {
    $hasher = New-Object Security.Cryptography.SHA256CryptoServiceProvider
} catch {
    $hasher = [Security.Cryptography.SHA256]::Create()
}
$digest = [BitConverter]::ToString($hasher.ComputeHash($bytes)).Replace('-', '').ToLower()
$tail = $encoding.GetBytes('sha256: ' + $digest + "`n")
$stream = New-Object IO.FileStream($Out, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write)
try {
    $stream.Write($bytes, 0, $bytes.Length)
    $stream.Write($tail, 0, $tail.Length)
} finally {
    $stream.Close()
}

Write-Host ('已写出：' + $Out)
Write-Host ('SHA-256（不含末行）：' + $digest)
if ($Incomplete.Count -gt 0) {
    Write-Host '下列内容未能完整读取，相应测评项可能为“无法判定”：'
    foreach ($one in $Incomplete) { Write-Host ('  ' + $one) }
}
Write-Host '请将该文件原样带回，不要用编辑器另存；用 dengbao evidence import-facts 登记。'
