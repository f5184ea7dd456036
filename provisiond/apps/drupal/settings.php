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
    'collation' => 'utf8mb4_general_ci',
    'init_commands' => ['isolation_level' => 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'],
] + '@DB_ADDRESS@';
if (is_dir("$app_root/core/modules/mysql")) { // since 9.4
    $databases['default']['default'] += [
        'namespace' => 'Drupal\\mysql\\Driver\\Database\\mysql',
        'autoload' => 'core/modules/mysql/src/Driver/Database/mysql/',
    ];
}

$settings['hash_salt'] = '@SALT@';
$settings['file_public_path'] = '@FILES@';
$settings['file_private_path'] = '@PRIVATE@' . '/files';
$settings['file_temp_path'] = '@TMP@';
$settings['config_sync_directory'] = '@PRIVATE@' . '/config/sync';
$settings['file_chmod_directory'] = 0755;
$settings['file_chmod_file'] = 0644;
$settings['file_scan_ignore_directories'] = ['node_modules', 'bower_components'];
$settings['entity_update_batch_size'] = 50;

// Compiled templates are code: they lie where the web server has no URL for them.
$settings['php_storage']['default'] = ['directory' => '@TMP@' . '/php', 'secret' => $settings['hash_salt']];

// The names that the virtual host has; a task, which no web server asks for, comes under the one that it chose.
$settings['trusted_host_patterns'] = array_map(
    static fn (string $name): string => '^' . preg_quote($name) . '$',
    explode(' ', $_SERVER['PV_HOSTS'] ?? (PHP_SAPI === 'cli' ? $_SERVER['SERVER_NAME'] ?? '@URI@' : '@URI@'))
);

// The code base belongs to the platform: no site can change it, and cron and updates are tasks of the panel.
$settings['deployment_identifier'] = $app_root;
$settings['allow_authorize_operations'] = false;
$settings['update_free_access'] = false;
$settings['skip_permissions_hardening'] = true;
$config['automated_cron.settings']['interval'] = 0;

if (is_file(__DIR__ . '/services.yml')) {
    $settings['container_yamls'][] = __DIR__ . '/services.yml';
}
if (is_file(__DIR__ . '/local.settings.php')) {
    include __DIR__ . '/local.settings.php';
}
