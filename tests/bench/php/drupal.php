<?php
/* php drupal.php ROOT HOST TITLE: Drupal's own installer, with answers to all that it would ask. */
[, $root, $host, $title] = $argv;
chdir($root);
$_SERVER += ['HTTP_HOST' => $host, 'REMOTE_ADDR' => '127.0.0.1', 'SERVER_SOFTWARE' => null, 'REQUEST_METHOD' => 'GET'];
$_SERVER['SCRIPT_NAME'] = '/index.php';
$loader = require 'autoload.php';
require_once 'core/includes/install.core.inc';
$pass = bin2hex(random_bytes(24));
install_drupal($loader, [
    'interactive' => false,
    'site_path' => "sites/$host",
    'parameters' => ['profile' => 'standard', 'langcode' => 'en'],
    'forms' => ['install_configure_form' => [
        'site_name' => $title,
        'site_mail' => 'editor@example.org',
        'account' => ['name' => 'editor', 'mail' => 'editor@example.org', 'pass' => ['pass1' => $pass, 'pass2' => $pass]],
        'enable_update_status_module' => null,
        'enable_update_status_emails' => null,
    ]],
]);
