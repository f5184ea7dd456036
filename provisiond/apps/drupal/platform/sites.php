<?php
/*
 * Which site of this code base is asked for. Written by provisiond; the next verify of the platform writes it anew.
 *
 * Drupal looks host names up in $sites. Here the answer is the same for each of them: the id in the environment of the
 * PHP pool that runs this, which no request can change (the `true` below keeps FastCGI variables out). Where a pool has
 * no site with settings, nobody is shown an installer. On the command line `--uri=ID` finds a site by its folder.
 *
 * Drupal includes this file several times in a request, so it declares no function.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

$hostmaster_site = getenv('PV_SITE', true);
if (PHP_SAPI !== 'cli' && !is_readable(__DIR__ . "/$hostmaster_site/settings.php")) {
    http_response_code(503);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    header('Retry-After: 300');
    echo "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>There is no site here.</title>\n";
    exit(1);
}
if (is_string($hostmaster_site)) {
    $sites = new class ($hostmaster_site) implements ArrayAccess {
        public function __construct(private readonly string $site)
        {
        }

        public function offsetExists(mixed $host): bool
        {
            return true;
        }

        public function offsetGet(mixed $host): string
        {
            return $this->site;
        }

        public function offsetSet(mixed $host, mixed $site): void
        {
        }

        public function offsetUnset(mixed $host): void
        {
        }
    };
}
