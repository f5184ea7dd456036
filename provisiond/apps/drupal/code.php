<?php
/*
 * A code base of Drupal 8 to 11 as files: what version it is, and what extensions it holds. Nothing of it is executed
 * here; only the packages of a site are asked of the site itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\{Failure, Report, Request};

const CORE = 'core/lib/Drupal.php';

/** Major version => the first PHP on which its authors did not run it any more. */
const PHP_BEYOND = [8 => '8.1', 9 => '8.2'];

/** Where extensions lie, in the order in which later ones win. */
const FOLDERS = [
    'core/modules', 'core/themes', 'core/profiles', 'profiles', 'sites/all/modules', 'sites/all/themes', 'modules',
    'themes',
];
const INFO = '.info.yml';

function detect(Request $request, Report $report): void
{
    $root = $request->need('platform.root');
    $version = code_version($root);
    $php = code_constant($root, 'MINIMUM_PHP') ?? '7.0'; // it is there since 8.8
    $major = (int) $version;
    if ($major < 8 || $major > 11) {
        throw new Failure('NOT_THIS_CMS', "this is Drupal $version, and here are 8 to 11", 'place');
    }
    if (version_compare(PHP_VERSION, $php, '<')) {
        $text = "Drupal $version needs PHP $php, and here is " . PHP_VERSION;
        throw new Failure('NOT_THIS_CMS', $text, 'place');
    }
    if (isset(PHP_BEYOND[$major]) && version_compare(PHP_VERSION, PHP_BEYOND[$major], '>=')) {
        $text = "Drupal $version was made for PHP before " . PHP_BEYOND[$major] . ', and here is ' . PHP_VERSION;
        $report->log('warning', $text);
    }
    $report->fact('version', $version);
    $report->fact('schema', update_number("$root/core/modules/system/system.install", 'system'));
}

function code_version(string $root): string
{
    $none = new Failure('NOT_THIS_CMS', CORE . " of $root is no version file of Drupal: it has no VERSION", 'place');
    return code_constant($root, 'VERSION') ?? throw $none;
}

/** A version that the class of the core bears; null: it is not there. */
function code_constant(string $root, string $name): ?string
{
    $text = (string) @file_get_contents("$root/" . CORE);
    return preg_match("/^\s*const $name = '([0-9][0-9A-Za-z._-]*)';/m", $text, $found) === 1 ? $found[1] : null;
}
