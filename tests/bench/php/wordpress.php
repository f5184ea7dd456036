<?php
/*
 * php wordpress.php ROOT HOST TITLE: the least that installs a site with WordPress's own installer. It sends no mail and does not ask the
 * site, which nobody serves yet, for its permalinks.
 */
[, $root, $_SERVER['HTTP_HOST'], $title] = $argv;
const PERMALINKS = '/%year%/%monthnum%/%day%/%postname%/';
define('WP_INSTALLING', true);
require "$root/wp-load.php";
require ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter('pre_wp_mail', '__return_false');
add_filter('pre_option_permalink_structure', fn () => PERMALINKS);
wp_install($title, 'editor', 'editor@example.org', true, '', bin2hex(random_bytes(24)));
