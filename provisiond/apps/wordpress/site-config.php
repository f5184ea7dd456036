<?php
/*
 * WordPress settings of one site, loaded by the wp-config.php of its platform. Written by provisiond, which fills in
 * the words between @ signs; the keys stay when it is written anew because the site moved, what was added by hand does
 * not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

define('DB_NAME', '@DB_NAME@');
define('DB_USER', '@DB_USER@');
define('DB_PASSWORD', rtrim((string) file_get_contents('@DB_SECRET@'), "\n"));
define('DB_HOST', '@DB_HOST@');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = 'wp_';

define('WP_HOME', '@URL@');
define('WP_SITEURL', '@URL@');
define('UPLOADS', '@UPLOADS@');
define('WP_TEMP_DIR', '@TMP@');

// The code base belongs to the platform: no site can change it, and cron and updates are tasks of the panel.
define('DISALLOW_FILE_MODS', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_AUTO_UPDATE_CORE', false);
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_DEBUG', false);

define('AUTH_KEY', '@AUTH_KEY@');
define('SECURE_AUTH_KEY', '@SECURE_AUTH_KEY@');
define('LOGGED_IN_KEY', '@LOGGED_IN_KEY@');
define('NONCE_KEY', '@NONCE_KEY@');
define('AUTH_SALT', '@AUTH_SALT@');
define('SECURE_AUTH_SALT', '@SECURE_AUTH_SALT@');
define('LOGGED_IN_SALT', '@LOGGED_IN_SALT@');
define('NONCE_SALT', '@NONCE_SALT@');
