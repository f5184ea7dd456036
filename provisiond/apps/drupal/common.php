<?php
/*
 * What Drupal 7 and its successors have in common: the file that lets one code base serve many sites, a site's settings
 * and folders, and the loop over database updates, whose functions kept their names.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\{Failure, Report, Request};
use function Provision\{db_check, db_connect, db_rows, db_size, file_write, folder_make, folder_size, html_text};
use function Provision\{request_pretend, settings_text};

const PLATFORM_FILES = ['sites/sites.php' => __DIR__ . '/platform/sites.php'];
const LOGIN_SECONDS = 900;
const REQUIREMENT_ERROR = 2;

function settings_file(Request $request): string
{
    return $request->need('site.data') . '/settings.php';
}

/**
 * Writes DATA/settings.php from TEMPLATE, and makes the folders for files. SALT is a pattern of the line that holds the
 * salt of an earlier file, which keeps sessions and links valid over a move.
 */
function settings_write(Request $request, string $template, string $salt): void
{
    $file = settings_file($request);
    $private = $request->need('site.private');
    $found = preg_match($salt, (string) @file_get_contents($file), $match) === 1;
    $words = [
        'DB_NAME' => $request->need('db.name'),
        'DB_USER' => $request->need('db.user'),
        'DB_SECRET' => $request->need('db.secret_file'),
        'DB_ADDRESS' => db_address($request),
        'SALT' => $found ? $match[1] : bin2hex(random_bytes(32)),
        'FILES' => site_path($request) . '/files',
        'PRIVATE' => $private,
        'TMP' => $request->need('site.tmp'),
        'URI' => $request->need('site.uri'),
    ];
    folder_make($request->need('site.data') . '/files');
    folder_make("$private/files");
    file_write($file, settings_text($template, $words), 0600);
}

function db_address(Request $request): array
{
    return $request->has('db.socket')
        ? ['host' => 'localhost', 'unix_socket' => $request->need('db.socket')]
        : ['host' => $request->need('db.host'), 'port' => $request->get('db.port', '3306')];
}

/** The site's folder as Drupal names it. */
function site_path(Request $request): string
{
    return 'sites/' . $request->need('site.id');
}

/** Everything that Drupal asks before it is loaded: its folder, its site, the request that it thinks it serves. */
function site_choose(Request $request): void
{
    $root = $request->need('platform.root');
    $settings = "$root/" . site_path($request) . '/settings.php';
    if (!is_readable($settings)) {
        throw new Failure('DRIVER_FAILED', "cannot read $settings: the site was not installed, or its link is missing");
    }
    db_check($request);
    putenv('PV_SITE=' . $request->need('site.id'));
    request_pretend($root, $request->need('site.url'));
    chdir($root);
}

/** Drupal installs itself beside whatever a database holds. */
function db_must_be_empty(Request $request): void
{
    $tables = db_rows(db_connect($request), 'SHOW TABLES');
    if ($tables !== []) {
        $text = sprintf('database %s holds %d tables already', $request->need('db.name'), count($tables));
        throw new Failure('DB_EXISTS', $text, 'db_server');
    }
}

/**
 * Runs the installer, which rewrites settings that it finds incomplete, with the password in them: that would be an
 * error of this driver. Its own errors are HTML.
 */
function install_run(Request $request, callable $install): void
{
    $before = hash_file('sha256', settings_file($request));
    try {
        $install();
    } catch (\Exception $e) {
        throw new Failure('DRIVER_FAILED', $e::class . ': ' . html_text($e->getMessage()));
    }
    if (hash_file('sha256', settings_file($request)) !== $before) {
        throw new Failure('DRIVER_FAILED', 'the installer has changed the settings of the site');
    }
}

/** What both installers ask on their last page. The password is nobody's: a login link is how one gets in. */
function install_form(Request $request): array
{
    $mail = $request->need('args.admin_mail');
    if (filter_var($mail, FILTER_VALIDATE_EMAIL) === false) {
        throw new Failure('SCHEMA', "Drupal takes no mail address $mail", 'args.admin_mail');
    }
    $password = bin2hex(random_bytes(24));
    return [
        'site_name' => site_title($request),
        'site_mail' => $mail,
        'account' => [
            'name' => admin_name($request),
            'mail' => $mail,
            'pass' => ['pass1' => $password, 'pass2' => $password],
        ],
    ];
}

function site_title(Request $request): string
{
    return $request->get('args.title', $request->need('site.uri'));
}

function admin_name(Request $request): string
{
    return $request->get('args.admin_name', 'admin');
}

/** A profile that the code base has; one that it hides too, as distributions hide those that they are based on. */
function profile_name(Request $request, array $extensions): string
{
    $name = $request->get('args.profile', 'standard');
    if (!isset($extensions["profile $name"])) {
        $profiles = array_filter($extensions, fn (Extension $e): bool => $e->type === 'profile');
        $have = implode(', ', array_column($profiles, 'name'));
        throw new Failure('SCHEMA', "the code base has no profile $name, only: $have", 'args.profile');
    }
    return $name;
}

/** A language for which one of the FILES, named *.LANGUAGE.po, is there; 'en' needs none. */
function language_name(Request $request, array $files, string $folder): string
{
    $name = $request->get('args.language', 'en');
    $have = array_map(fn (string $file): array => explode('.', substr(basename($file), 0, -3)), $files);
    $have = ['en', ...array_map(fn (array $parts): string => end($parts), $have)];
    if (!in_array($name, $have, true)) {
        $text = "the code base has no language $name, only: " . implode(', ', array_unique($have));
        throw new Failure('SCHEMA', "$text; put drupal-VERSION.$name.po into $folder", 'args.language');
    }
    return $name;
}

/**
 * The moment that a login link is to bear, so that Drupal, which takes it for TIMEOUT seconds, takes it for 15 minutes
 * from now.
 */
function login_moment(int $timeout): int
{
    return time() - max(0, $timeout - LOGIN_SECONDS);
}

/** Rows of hook_requirements(); one of severity 2 stops an update. */
function requirements_check(array $rows): void
{
    foreach ($rows as $name => $row) {
        if (($row['severity'] ?? 0) === REQUIREMENT_ERROR) {
            $parts = [$row['title'] ?? '', $row['value'] ?? '', $row['description'] ?? ''];
            $words = array_map(fn (mixed $part): string => html_text(text_of($part)), $parts);
            throw new Failure('DRIVER_FAILED', "$name: " . implode(': ', array_filter($words)), 'platform');
        }
    }
}

/** A text of Drupal, which may be an object or something that is yet to be rendered. */
function text_of(mixed $text): string
{
    return is_string($text) || $text instanceof \Stringable ? (string) $text : '';
}

/** Module => number of the first update that is to run. */
function updates_pending(): array
{
    $list = array_filter(update_get_update_list(), fn (array $module): bool => isset($module['start']));
    return array_map(fn (array $module): int => (int) $module['start'], $list);
}

/** Runs pending update functions in their order; each may ask to be called again. Gives how many. */
function updates_run(Report $report): int
{
    $updates = update_resolve_dependencies(updates_pending());
    $done = 0;
    foreach ($updates as $function => $update) {
        $report->progress($done, count($updates));
        if (!$update['allowed']) {
            $missing = implode(', ', $update['missing_dependencies']);
            throw new Failure('DRIVER_FAILED', "$function cannot run: it waits for $missing", 'platform');
        }
        $after = array_keys($update['reverse_paths'] ?? []);
        update_repeat($function, function (array &$context) use ($update, $after): void {
            update_do_one($update['module'], $update['number'], $after, $context);
        });
        $report->log('info', $function);
        $done++;
    }
    return $done;
}

/** Calls STEP until it says that it is finished. */
function update_repeat(string $function, callable $step): void
{
    $context = ['sandbox' => [], 'results' => [], 'message' => ''];
    do {
        $context['finished'] = 1;
        $step($context);
        if (!empty($context['results']['#abort'])) {
            throw new Failure('DRIVER_FAILED', "$function: " . abort_text($context['results']));
        }
    } while ($context['finished'] < 1);
}

/** Why an update gave up: the text lies two or three levels deep, beside the results of others. */
function abort_text(array $results): string
{
    $text = '';
    array_walk_recursive($results, function (mixed $value, int|string $key) use (&$text): void {
        $text = $key === 'query' ? html_text(text_of($value)) : $text;
    });
    return $text !== '' ? $text : 'it failed';
}

/**
 * Reports the numbers of rows, where a module has not made its table none. COUNTS: fact => [table, condition].
 */
function stats_report(Request $request, Report $report, array $counts): void
{
    $db = db_connect($request);
    $tables = array_map(fn (array $row): string => reset($row), db_rows($db, 'SHOW TABLES'));
    foreach ($counts as $fact => [$table, $condition]) {
        $sql = "SELECT COUNT(*) AS n FROM $table WHERE $condition";
        $report->fact($fact, in_array($table, $tables, true) ? db_rows($db, $sql)[0]['n'] : 0);
    }
    $report->fact('files_bytes', folder_size($request->need('site.data')));
    $report->fact('database_bytes', db_size($db));
}

/** Whether the argument says that the site is to be closed. */
function maintenance_wanted(Request $request): bool
{
    return match ($request->need('args.maintenance')) {
        'on' => true,
        'off' => false,
        default => throw new Failure('SCHEMA', 'maintenance must be on or off', 'args.maintenance'),
    };
}

/**
 * A site whose database a newer code base has updated. INSTALLED: module => version of its tables. Drupal has loaded the
 * updates of the modules that the site uses; of one that has none nothing is known.
 */
function schema_check(array $installed): void
{
    foreach ($installed as $module => $found) {
        $known = updates_known($module);
        $removed = "{$module}_update_last_removed";
        $newest = max([0, ...$known, function_exists($removed) ? (int) $removed() : 0]);
        if ($newest > 0 && (int) $found > $newest) {
            $text = "module $module is older ($newest) than its tables in the database ($found)";
            throw new Failure('DRIVER_FAILED', $text, 'platform');
        }
    }
}
