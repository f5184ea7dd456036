<?php
/*
 * A driver for tests: the smallest CMS that has everything, a database, a pool, a link and an installation that can be done once.
 * The field `profile` chooses how its install misbehaves; its further verbs are what people can run, well or badly.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Tiny;

use Provision\{Driver, Failure, Report, Request};
use function Provision\{file_write, folder_make, secret_read};

require dirname(__DIR__) . '/driver.php';

const VERBS = [
    'detect' => [__NAMESPACE__ . '\detect'], 'install' => [__NAMESPACE__ . '\install'],
    'move' => [__NAMESPACE__ . '\move'], 'status' => [__NAMESPACE__ . '\status'],
    'packages' => [__NAMESPACE__ . '\packages'],
    'greet' => [__NAMESPACE__ . '\greet'], 'break' => [__NAMESPACE__ . '\refuse'], 'wait' => [__NAMESPACE__ . '\hang'],
    'late' => [__NAMESPACE__ . '\hang'], 'reach' => [__NAMESPACE__ . '\reach'], 'weigh' => [__NAMESPACE__ . '\weigh'],
    'away' => [__NAMESPACE__ . '\away'],
];

const PROFILES = [
    'refuse' => __NAMESPACE__ . '\refuse',
    'quiet'  => __NAMESPACE__ . '\quiet',
    'loud'   => __NAMESPACE__ . '\loud',
    'hang'   => __NAMESPACE__ . '\hang',
    'fill'   => __NAMESPACE__ . '\fill',
];

function detect(Request $request, Report $report): void
{
    $report->fact('version', '1.0');
}

/** CREATE TABLE without IF NOT EXISTS: a second run on the same data fails. */
function install(Request $request, Report $report): void
{
    $profile = $request->get('args.profile');
    if (isset(PROFILES[$profile])) {
        (PROFILES[$profile])($request, $report);
    }
    $data = $request->need('site.data');
    folder_make("$data/files");
    $db = connect(settings_write($request));
    $db->query('CREATE TABLE page (title TEXT NOT NULL)');
    $insert = $db->prepare('INSERT INTO page VALUES (?)');
    $title = $request->get('args.title', $request->need('site.uri'));
    $insert->execute([$profile === 'untitled' ? 'Another title' : $title]); // which nobody will find on the page
}

function settings_write(Request $request): array
{
    $settings = [
        'socket' => $request->get('db.socket'), 'host' => $request->get('db.host', 'localhost'), 'port' => (int) $request->get('db.port', '0'),
        'name' => $request->need('db.name'), 'user' => $request->need('db.user'), 'secret' => $request->need('db.secret_file'),
    ];
    file_write($request->need('site.data') . '/settings.json', json_encode($settings), 0600);
    return $settings;
}

function connect(array $settings): \mysqli
{
    return new \mysqli(
        $settings['host'], $settings['user'], secret_read($settings['secret']), $settings['name'],
        $settings['port'] ?: null, $settings['socket'] ?: null
    );
}

function move(Request $request, Report $report): void
{
    settings_write($request);
}

function status(Request $request, Report $report): void
{
    $settings = json_decode(file_get_contents($request->need('site.data') . '/settings.json'), true);
    $report->fact('title', connect($settings)->query('SELECT title FROM page')->fetch_row()[0]);
    $told = $request->need('site.data') . '/maintenance';
    if (is_file($told)) {
        $report->fact('maintenance', trim(file_get_contents($told)));
    }
}

/** As many as take several lines; a site can spoil its list, or empty it. */
function packages(Request $request, Report $report): void
{
    $data = $request->get('site.data', '/nowhere');
    $report->fact('version', '6.6.6'); // of which the record must not learn
    if (is_file("$data/empty")) {
        return;
    }
    for ($n = 0; $n < 120; $n++) {
        $report->package('module', "m$n", '1.0', "modules/m$n", "Module $n", $request->has('site') ? 'enabled' : '');
    }
    if (is_file("$data/spoiled")) {
        throw new Failure('DB_DOWN', 'the list is spoiled');
    }
}

function greet(Request $request, Report $report): void
{
    $report->log('notice', 'somebody is greeted');
    $report->progress(-1, PHP_INT_MAX);
    $report->fact('greeting', 'Hello, ' . $request->get('args.admin_name', 'world') . "\e[1m!");
    $report->fact('site', $request->need('site.uri'));
    $report->fact('version', '6.6.6'); // of which the site's record must not learn
}

function weigh(Request $request, Report $report): void
{
    $root = $request->need('platform.root');
    $report->fact('files', count(scandir($root)) - 2);
    $report->fact('writes', @touch("$root/mine") ? 'yes' : 'no');
    $report->fact('site', $request->has('site') ? 'yes' : 'no');
}

/** What it sees of the network: a worker without one has not even the resolver's file. */
function reach(Request $request, Report $report): void
{
    $report->fact('resolver', is_file('/etc/hosts') ? 'yes' : 'no');
    $report->fact('title', connect(json_decode(file_get_contents($request->need('site.data') . '/settings.json'), true))
        ->query('SELECT title FROM page')->fetch_row()[0]);
}

/** Says that its database is away until it is told otherwise, whether that is so or not. */
function away(Request $request, Report $report): void
{
    $report->log('notice', 'it is asked');
    if (!is_file($request->need('site.data') . '/back')) {
        throw new Failure('DB_DOWN', 'it is away, honestly');
    }
}

function refuse(Request $request, Report $report): never
{
    throw new Failure('DRIVER_FAILED', 'it was told to refuse', 'profile');
}

/** As a CMS whose installer thinks that it is done. */
function quiet(Request $request, Report $report): never
{
    echo "Installation successful.\n";
    exit(0);
}

function loud(Request $request, Report $report): void
{
    for ($line = 0; $line < 40000; $line++) {
        echo str_repeat('x', 100), "\n";
    }
}

function hang(Request $request, Report $report): void
{
    $report->log('notice', 'it hangs');
    for (;;) {
        sleep(1);
    }
}

function fill(Request $request, Report $report): void
{
    $path = $request->need('site.data') . '/big';
    $file = fopen($path, 'x');
    while (@fwrite($file, str_repeat('x', 65536)) === 65536) {
    }
    throw \Provision\file_failure("cannot write $path");
}

(new Driver(VERBS))->run();
