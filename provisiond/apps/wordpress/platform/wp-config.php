<?php
/*
 * WordPress settings of a code base that many sites share. Written by provisiond; the next verify of the platform
 * writes it anew.
 *
 * Which site is asked for is in the environment of the PHP pool that runs this, which no request can change (the `true`
 * below keeps FastCGI variables out). The site's own settings are in its data folder. Where there are none, nobody is
 * shown an installer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

function hostmaster_refuse(int $status, string $text): never
{
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    header('Retry-After: 300');
    echo "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>$text</title><h1>$text</h1></html>\n";
    exit(1);
}

$hostmaster_data = getenv('PV_DATA', true);
if (!is_string($hostmaster_data) || !is_readable("$hostmaster_data/wp-config.php")) {
    hostmaster_refuse(503, 'There is no site here.');
}
if (PHP_SAPI !== 'cli') {
    if (is_file("$hostmaster_data/.maintenance")) {
        hostmaster_refuse(503, 'This site is being worked on and will be back soon.');
    }
    if (in_array(__DIR__ . '/wp-admin/install.php', get_included_files(), true)) {
        hostmaster_refuse(403, 'Sites are installed by their hosting panel.');
    }
}

require "$hostmaster_data/wp-config.php";

defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
