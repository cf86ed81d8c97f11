"""WordPress as Debian ships it: PHP-FPM behind nginx, MariaDB below; a classic form."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..mariadb import mariadb
from ..services import process
from .site import PASSWORDS, Site, fronted

SOURCE = Path("/usr/share/wordpress")
ROLES = {"boss": "administrator", "doctor": "editor", "nurse": "subscriber", "victim": "subscriber"}

# No request of its own to the outside, and no mail: the tests are alone with it.
CONFIG = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', 'Wordpress-Db-2026!');
define('DB_HOST', '127.0.0.1:%(port)s');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $kind) {
    define($kind . '_KEY', md5($kind . 'key'));
    define($kind . '_SALT', md5($kind . 'salt'));
}
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_CONTENT_DIR', '%(folder)s/wordpress/wp-content');
define('FS_METHOD', 'direct');
$_SERVER['HTTPS'] = 'on';
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
SEED = """<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = 'localhost';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
function wp_mail() { return true; }
[$url, $people] = json_decode(stream_get_contents(STDIN));
require '%(folder)s/wordpress/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Hospital', $people[0][0], 'boss@his.test', false, '', $people[0][1]);
update_option('siteurl', $url);
update_option('home', $url);
switch_theme('twentytwentythree');
foreach (array_slice($people, 1) as [$name, $password, $role])
    wp_insert_user(['user_login' => $name, 'user_pass' => $password, 'role' => $role,
        'user_email' => "$name@his.test", 'first_name' => '测试员']);
"""
POOL = """[global]
error_log = %(folder)s/fpm.log
daemonize = no
[www]
user = www-data
group = www-data
listen = %(folder)s/fpm.sock
listen.owner = www-data
pm = static
pm.max_children = 3
php_admin_value[sendmail_path] = /bin/true
"""
FASTCGI = "".join(
    f"fastcgi_param {name} {value};"
    for name, value in (
        ("SCRIPT_FILENAME", "$document_root$fastcgi_script_name"), ("SCRIPT_NAME", "$fastcgi_script_name"),
        ("QUERY_STRING", "$query_string"), ("REQUEST_METHOD", "$request_method"),
        ("CONTENT_TYPE", "$content_type"), ("CONTENT_LENGTH", "$content_length"),
        ("REQUEST_URI", "$request_uri"), ("DOCUMENT_URI", "$document_uri"),
        ("SERVER_PROTOCOL", "$server_protocol"), ("REMOTE_ADDR", "$remote_addr"),
        ("SERVER_NAME", "$server_addr"), ("HTTPS", "on"), ("GATEWAY_INTERFACE", "CGI/1.1"),
    )
)  # fmt: skip


@contextlib.contextmanager
def wordpress(folder: Path) -> Iterator[Site]:
    """Run WordPress with its test accounts."""
    place = folder / "wordpress"
    shutil.copytree(SOURCE, place, symlinks=True, ignore=shutil.ignore_patterns("wp-config.php", ".htaccess"))
    with mariadb() as server:
        server.run(
            "CREATE DATABASE wordpress CHARACTER SET utf8mb4",
            "CREATE USER wordpress@'127.0.0.1' IDENTIFIED BY 'Wordpress-Db-2026!'",
            "GRANT ALL ON wordpress.* TO wordpress@'127.0.0.1'",
        )
        values = {"folder": folder, "port": server.port}
        (place / "wp-config.php").write_text(CONFIG % values, encoding="ascii")
        (folder / "fpm.conf").write_text(POOL % values, encoding="ascii")
        (folder / "seed.php").write_text(SEED % values, encoding="utf-8")
        command = ["/usr/sbin/php-fpm8.2", "-F", "-y", str(folder / "fpm.conf")]
        where = "try_files $uri $uri/ /index.php?$args;"
        php = (
            f"root {place}; index index.php;\n"
            f"location ~ \\.php$ {{ try_files $uri =404; {FASTCGI} fastcgi_pass unix:{folder}/fpm.sock; }}"
        )
        with (
            process(command, (folder / "fpm.sock").exists, folder, within_s=120),
            fronted("wordpress", folder, where, extra=php) as site,
        ):
            people = [(name, PASSWORDS[name], role) for name, role in ROLES.items()]
            subprocess.run(
                ["php", str(folder / "seed.php")],
                input=json.dumps([site.url.rstrip("/"), people]).encode(), check=True, timeout=240,
            )  # fmt: skip
            yield site
