<?php
/*
 * A code base of Drupal 7 as files: what version it is, and what extensions it holds. Nothing of it is executed here;
 * only the packages of a site are asked of the site itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\{Failure, Report, Request};

const HEAD_MAX = 8192;

/** Where extensions lie, in the order in which later ones win. */
const FOLDERS = ['modules', 'themes', 'profiles', 'sites/all/modules', 'sites/all/themes'];
const INFO = '.info';

/** The release that is quiet on the PHP of these days. */
const PHP_RELEASE = ['8.0' => '7.98'];

function detect(Request $request, Report $report): void
{
    $root = $request->need('platform.root');
    $version = code_version($root);
    foreach (PHP_RELEASE as $php => $release) {
        if (version_compare(PHP_VERSION, $php, '>=') && version_compare($version, $release, '<')) {
            $report->log('warning', "Drupal $version fills pages with warnings on PHP $php; take $release or later");
        }
    }
    $report->fact('version', $version);
    $report->fact('schema', update_number("$root/modules/system/system.install", 'system'));
}

function code_version(string $root): string
{
    $file = "$root/includes/bootstrap.inc";
    $text = (string) @file_get_contents($file, false, null, 0, HEAD_MAX);
    if (preg_match("/^define\('VERSION', '(7\.[0-9A-Za-z._-]+)'\);/m", $text, $found) !== 1) {
        throw new Failure('NOT_THIS_CMS', "$file is no bootstrap file of Drupal 7: it defines no VERSION 7", 'place');
    }
    return $found[1];
}
