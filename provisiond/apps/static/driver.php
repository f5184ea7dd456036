<?php
/*
 * Driver of static pages. A platform is a folder of pages with an index.html; a site starts as a copy of it in its own
 * public folder and belongs to its owner from then on. In the pages the words @TITLE@ and @URL@ are replaced by the
 * site's title and address. An empty index.html stands for the starter page beside this file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Pages;

use Provision\{Driver, Failure, Report, Request};
use function Provision\{file_failure, file_write, folder_make, folder_size};

require dirname(__DIR__) . '/driver.php';

const PAGE_MAX = 1 << 20;
const VERBS = [
    'detect'  => [__NAMESPACE__ . '\detect'],
    'install' => [__NAMESPACE__ . '\install'],
    'status'  => [__NAMESPACE__ . '\status'],
    'stats'   => [__NAMESPACE__ . '\stats'],
];

function detect(Request $request, Report $report): void
{
    $index = $request->need('platform.root') . '/index.html';
    if (!is_file($index)) {
        throw new Failure('NOT_THIS_CMS', "there is no file $index", 'place');
    }
}

/**
 * Copies what is not there yet, so that doing it again repairs a copy that was cut off and never undoes an owner's
 * change.
 */
function install(Request $request, Report $report): void
{
    $title = $request->get('args.title', $request->need('site.uri'));
    $words = ['@TITLE@' => htmlspecialchars($title), '@URL@' => htmlspecialchars($request->need('site.url'))];
    $public = $request->need('site.data') . '/public';
    folder_make($public);
    $copied = tree_copy($request->need('platform.root'), $public, $words, $report);
    $report->log('info', "$copied files copied to $public");
    $report->fact('title', $title);
}

function tree_copy(string $from, string $to, array $words, Report $report): int
{
    $copied = 0;
    $folder = new \RecursiveDirectoryIterator($from, \FilesystemIterator::SKIP_DOTS);
    $tree = new \RecursiveIteratorIterator($folder, \RecursiveIteratorIterator::SELF_FIRST);
    foreach ($tree as $entry) {
        $target = $to . '/' . $tree->getSubPathname();
        if ($entry->isLink()) {
            $report->log('warning', $entry->getPathname() . ' is a link and was left out');
        } elseif ($entry->isDir()) {
            folder_make($target);
        } elseif ($entry->isFile() && !file_exists($target)) {
            file_copy($entry, $target, $words);
            $copied++;
        }
    }
    return $copied;
}

function file_copy(\SplFileInfo $from, string $to, array $words): void
{
    if (strtolower($from->getExtension()) === 'html' && $from->getSize() <= PAGE_MAX) {
        file_write($to, strtr(page_text($from), $words), 0644);
    } elseif (!@copy($from->getPathname(), "$to.new") || !@rename("$to.new", $to)) {
        throw file_failure("cannot copy {$from->getPathname()} to $to");
    }
}

function page_text(\SplFileInfo $page): string
{
    $starter = $page->getFilename() === 'index.html' && $page->getSize() === 0;
    $text = @file_get_contents($starter ? __DIR__ . '/starter.html' : $page->getPathname());
    return $text !== false ? $text : throw file_failure("cannot read {$page->getPathname()}");
}

function status(Request $request, Report $report): void
{
    $index = $request->need('site.data') . '/public/index.html';
    $text = @file_get_contents($index, false, null, 0, PAGE_MAX);
    if ($text === false) {
        throw file_failure("cannot read $index");
    }
    if (preg_match('~<title[^>]*>([^<]*)</title>~i', $text, $found) === 1) {
        $report->fact('title', trim(html_entity_decode($found[1])));
    }
}

function stats(Request $request, Report $report): void
{
    $report->fact('files_bytes', folder_size($request->need('site.data')));
}

(new Driver(VERBS))->run();
