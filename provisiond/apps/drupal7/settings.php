<?php
/*
 * Drupal's settings of one site. Written by provisiond, which fills in the words between @ signs; the salt stays when
 * it is written anew because the site moved, what was added by hand does not: that belongs into local.settings.php
 * beside it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

$databases['default']['default'] = [
    'driver' => 'mysql',
    'database' => '@DB_NAME@',
    'username' => '@DB_USER@',
    'password' => rtrim((string) file_get_contents('@DB_SECRET@'), "\n"),
    'prefix' => '',
    'charset' => 'utf8mb4',
    'collation' => 'utf8mb4_general_ci',
    'init_commands' => ['isolation_level' => 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'],
] + '@DB_ADDRESS@';

$drupal_hash_salt = '@SALT@';
$conf['file_public_path'] = '@FILES@';
$conf['file_private_path'] = '@PRIVATE@' . '/files';
$conf['file_temporary_path'] = '@TMP@';
$conf['file_chmod_directory'] = 0755;
$conf['file_chmod_file'] = 0644;

// The code base belongs to the platform: no site can change it, and cron and updates are tasks of the panel.
$conf['allow_authorize_operations'] = false;
$conf['skip_permissions_hardening'] = true;
$conf['cron_safe_threshold'] = 0;
$conf['drupal_http_request_fails'] = false;
$update_free_access = false;

if (is_file(__DIR__ . '/local.settings.php')) {
    include __DIR__ . '/local.settings.php';
}
