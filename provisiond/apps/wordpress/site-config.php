<?php
/*
 * WordPress settings of one site, loaded by the wp-config.php of its platform. Written by provisiond, which fills in
 * the words between @ signs; the keys stay when it is written anew because the site moved, what was added by hand does
 * not: what a site wants otherwise stands in local.wp-config.php beside this file, which is its owner's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

if (is_file(__DIR__ . '/local.wp-config.php')) {
    include __DIR__ . '/local.wp-config.php';
}

define('DB_NAME', '@DB_NAME@');
define('DB_USER', '@DB_USER@');
define('DB_PASSWORD', rtrim((string) file_get_contents('@DB_SECRET@'), "\n"));
define('DB_HOST', '@DB_HOST@');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = 'wp_';

// The name that the virtual host has first; a task, which no web server asks for, comes under the one that it chose.
$hostmaster_names = $_SERVER['PV_HOSTS'] ?? (PHP_SAPI === 'cli' ? $_SERVER['SERVER_NAME'] ?? '@URI@' : '@URI@');
defined('WP_HOME') || define('WP_HOME', '@SCHEME@' . '://' . explode(' ', $hostmaster_names)[0] . '@PORT@');
defined('WP_SITEURL') || define('WP_SITEURL', WP_HOME);
define('UPLOADS', '@UPLOADS@');
define('WP_TEMP_DIR', '@TMP@');

// The code base belongs to the platform: no site can change it, and cron and updates are tasks of the panel.
define('DISALLOW_FILE_MODS', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_AUTO_UPDATE_CORE', false);
define('DISABLE_WP_CRON', true);
// Visitors' requests and cron may reach other machines; no other task waits for one.
defined('WP_HTTP_BLOCK_EXTERNAL') || define('WP_HTTP_BLOCK_EXTERNAL', PHP_SAPI === 'cli' && !defined('DOING_CRON'));
defined('WP_DEBUG') || define('WP_DEBUG', false);

define('AUTH_KEY', '@AUTH_KEY@');
define('SECURE_AUTH_KEY', '@SECURE_AUTH_KEY@');
define('LOGGED_IN_KEY', '@LOGGED_IN_KEY@');
define('NONCE_KEY', '@NONCE_KEY@');
define('AUTH_SALT', '@AUTH_SALT@');
define('SECURE_AUTH_SALT', '@SECURE_AUTH_SALT@');
define('LOGGED_IN_SALT', '@LOGGED_IN_SALT@');
define('NONCE_SALT', '@NONCE_SALT@');
