<?php
/* The settings of one code base for many sites, as Debian's package does it: a file a host. */
require __DIR__ . '/sites/' . basename(explode(':', $_SERVER['HTTP_HOST'])[0]) . '.php';
defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
