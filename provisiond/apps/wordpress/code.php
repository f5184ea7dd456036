<?php
/*
 * A WordPress code base as files: what version it is, what packages it holds, and the two files that a platform needs
 * to serve many sites. Nothing of the code base is executed here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\WordPress;

use Provision\{Failure, Report, Request};
use function Provision\{files_place, folder_make};

const HEADER_MAX = 8192;

/** Files of a platform that are ours: its path => the file here it is a copy of. */
const PLATFORM_FILES = [
    'wp-config.php'                        => __DIR__ . '/platform/wp-config.php',
    'wp-content/mu-plugins/hostmaster.php' => __DIR__ . '/platform/hostmaster.php',
];

/**
 * Packages of a code base: type => patterns of the files that carry their header, and the header's field of the name.
 */
const PACKAGES = [
    'module' => ['Plugin Name', ['wp-content/{,mu-}plugins/*.php', 'wp-content/plugins/*/*.php']],
    'theme'  => ['Theme Name', ['wp-content/themes/*/style.css']],
];

function detect(Request $request, Report $report): void
{
    $version = code_version($request->need('platform.root'));
    if (version_compare(PHP_VERSION, $version['required_php_version'], '<')) {
        $text = "this version needs PHP {$version['required_php_version']}, and here is " . PHP_VERSION;
        throw new Failure('NOT_THIS_CMS', $text, 'place');
    }
    $report->fact('version', $version['wp_version']);
    $report->fact('schema', $version['wp_db_version']);
}

/** @return array{wp_version: string, wp_db_version: string, required_php_version: string} */
function code_version(string $root): array
{
    $file = "$root/wp-includes/version.php";
    $text = (string) @file_get_contents($file, false, null, 0, HEADER_MAX);
    $version = [];
    foreach (['wp_version', 'wp_db_version', 'required_php_version'] as $name) {
        if (preg_match('/^\$' . $name . '\s*=\s*\'?([0-9A-Za-z._-]+)\'?;/m', $text, $found) !== 1) {
            throw new Failure('NOT_THIS_CMS', "$file is no version file of WordPress: it sets no \$$name", 'place');
        }
        $version[$name] = $found[1];
    }
    return $version;
}

function setup(Request $request, Report $report): void
{
    $root = $request->need('platform.root');
    files_place($root, PLATFORM_FILES, $report);
    folder_make("$root/sites");
}

/**
 * Every package of the code base as [type, name, version, path, label]; NAME is what WordPress knows it by: a plugin's
 * file below its folder, a theme's folder.
 */
function code_packages(string $root): array
{
    $packages = [['core', 'wordpress', code_version($root)['wp_version'], '', 'WordPress']];
    foreach (PACKAGES as $type => [$field, $patterns]) {
        foreach ($patterns as $pattern) {
            foreach (glob("$root/$pattern", GLOB_BRACE) as $file) {
                $head = code_headers($file, [$field, 'Version']);
                if ($head[$field] !== '') {
                    $path = substr($file, strlen($root) + 1);
                    $packages[] = [$type, package_name($type, $path), $head['Version'], $path, $head[$field]];
                }
            }
        }
    }
    return $packages;
}

function package_name(string $type, string $path): string
{
    return $type === 'theme' ? basename(dirname($path)) : preg_replace('~^wp-content/(mu-)?plugins/~', '', $path);
}

/** The named fields of a plugin's or theme's head comment, '' for those it lacks. */
function code_headers(string $file, array $fields): array
{
    $text = (string) @file_get_contents($file, false, null, 0, HEADER_MAX);
    $head = [];
    foreach ($fields as $field) {
        $found = preg_match('~^[ \t/*#@]*' . preg_quote($field) . ':(.*)$~mi', $text, $match) === 1;
        $head[$field] = $found ? trim(preg_replace('~\s*(?:\*/|\?>).*~', '', $match[1])) : '';
    }
    return $head;
}

/** Without a site: what the code base offers. With one, the site's own choice from it is reported besides. */
function packages(Request $request, Report $report): void
{
    $enabled = $request->has('site') ? site_packages() : [];
    foreach (code_packages($request->need('platform.root')) as [$type, $name, $version, $path, $label]) {
        $status = match (true) {
            !$request->has('site') => '',
            $type === 'core', str_contains($path, '/mu-plugins/'), in_array("$type $name", $enabled, true) => 'enabled',
            default => 'disabled',
        };
        $report->package($type, $name, $version, $path, $label, $status);
    }
}
