<?php
/*
 * The part that all drivers share: reads the request, runs the verb, reports. The contract is provision-driver(7).
 *
 * A verb's result is only what this file writes last on descriptor 3. CMS code runs in the same process and may print,
 * throw, call exit or die of a fatal error at any time: each of these is a failure here, never a success.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision;

const VERSION = 1;
const EXIT_FAILED = 1;
const EXIT_NO_END = 70;
const REQUEST_MAX = 262144;
const TEXT_MAX = 8192;
const JSON_FLAGS = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE;
const OURS = 'Written by provisiond'; // stands in each file that is put into a code base
const FATAL = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;

/**
 * What a verb throws when it cannot do its work: a code of errors.def, words for people, and the request's field at
 * fault. A task's own fields are in the request's args, and are known to people without that word.
 */
final class Failure extends \Exception
{
    public readonly string $field;

    public function __construct(public readonly string $reason, string $text, string $path = '')
    {
        parent::__construct($text);
        $this->field = str_starts_with($path, 'args.') ? substr($path, 5) : $path;
    }
}

/** The request, read once. Fields are named by their path, as "site.data". */
final class Request
{
    private function __construct(private readonly array $fields)
    {
    }

    public static function read($stream, string $verb): self
    {
        $text = (string) stream_get_contents($stream, REQUEST_MAX + 1);
        $fields = strlen($text) <= REQUEST_MAX ? json_decode($text, true, 8) : null;
        if (!is_array($fields)) {
            throw new Failure('SCHEMA', 'descriptor 0 has no JSON object of at most ' . REQUEST_MAX . ' bytes');
        }
        $request = new self($fields);
        $request->expect('v', VERSION);
        $request->expect('verb', $verb);
        return $request;
    }

    /** A text that must be there and not be empty. */
    public function need(string $path): string
    {
        $value = $this->get($path);
        return $value !== '' ? $value : throw new Failure('SCHEMA', "the request has no $path", $path);
    }

    /** A text or number as text; DEFAULT where it is absent or empty. */
    public function get(string $path, string $default = ''): string
    {
        $value = $this->find($path) ?? '';
        if (!is_string($value) && !is_int($value)) {
            throw new Failure('SCHEMA', "$path must be a text", $path);
        }
        return $value !== '' ? (string) $value : $default;
    }

    public function has(string $path): bool
    {
        return $this->find($path) !== null;
    }

    private function find(string $path): mixed
    {
        $value = $this->fields;
        foreach (explode('.', $path) as $name) {
            $value = is_array($value) ? ($value[$name] ?? null) : null;
        }
        return $value;
    }

    private function expect(string $path, int|string $wanted): void
    {
        $value = $this->find($path);
        if ($value !== $wanted) {
            $text = sprintf('%s is %s, but this is %s', $path, json_encode($value), json_encode($wanted));
            throw new Failure('SCHEMA', $text, $path);
        }
    }
}

/** The report: one JSON object a line on descriptor 3. */
final class Report
{
    private $stream;

    public function __construct()
    {
        $this->stream = fopen('php://fd/3', 'w') ?: throw new \RuntimeException('descriptor 3 is not open');
    }

    /** LEVEL: error, warning, notice, info, output. */
    public function log(string $level, string $text): void
    {
        $this->line(['t' => 'log', 'level' => $level, 'text' => $text]);
    }

    public function progress(int $done, int $total): void
    {
        $this->line(['t' => 'progress', 'done' => $done, 'total' => $total]);
    }

    public function fact(string $name, int|string $value): void
    {
        $this->line(['t' => 'fact', 'name' => $name, 'value' => (string) $value]);
    }

    /**
     * TYPE: core, profile, module, theme. PATH: relative to the platform's root. STATUS: '' where no site was asked.
     * SCHEMA: the version of its tables, the code's or the site's; '' where it has none.
     */
    public function package(
        string $type,
        string $name,
        string $version,
        string $path,
        string $label,
        string $status,
        string $schema = ''
    ): void {
        $this->line(['t' => 'package'] + compact('type', 'name', 'version', 'path', 'label', 'status', 'schema'));
    }

    public function error(string $code, string $text, string $field): void
    {
        $this->line(['t' => 'error', 'code' => $code, 'field' => $field, 'text' => $text]);
    }

    public function end(bool $ok): void
    {
        $this->line(['t' => 'end', 'ok' => $ok]);
    }

    private function line(array $line): void
    {
        if (isset($line['text'])) {
            $line['text'] = substr($line['text'], 0, TEXT_MAX);
        }
        $json = json_encode($line, JSON_FLAGS) . "\n";
        if (fwrite($this->stream, $json) !== strlen($json)) {
            exit(EXIT_NO_END);
        }
    }
}

/**
 * One run of one verb. Rows of VERBS: verb => [function, function that runs before it and returns the CMS's files to
 * load]. Both take the request and the report. The caller loads the files, because a CMS expects to be loaded in the
 * global scope:
 *
 *     $provision = new Driver(VERBS);
 *     foreach ($provision->prepare() as $provision_file) require $provision_file;
 *     $provision->run();
 */
final class Driver
{
    private readonly Report $report;
    private readonly Request $request;
    private readonly array $row;
    private bool $over = false;
    private ?string $reserve;

    public function __construct(array $verbs)
    {
        umask(022);
        ini_set('error_log', ''); // a driver's php.ini may silence PHP's start; from here on what code logs is log
        $this->reserve = str_repeat(' ', 65536);
        $this->report = new Report();
        register_shutdown_function($this->guard(...));
        set_exception_handler($this->failed(...));
        $verb = $_SERVER['argv'][1] ?? '';
        $unknown = "this driver has no verb '$verb', only " . implode(', ', array_keys($verbs));
        $this->row = $verbs[$verb] ?? throw new Failure('SCHEMA', $unknown, 'verb');
        $this->request = Request::read(STDIN, $verb);
    }

    /** @return string[] files to load before run() */
    public function prepare(): array
    {
        return isset($this->row[1]) ? ($this->row[1])($this->request, $this->report) : [];
    }

    /** Does not return. The good end is written when all shutdown functions of the CMS have had their turn. */
    public function run(): never
    {
        try {
            ($this->row[0])($this->request, $this->report);
        } catch (\Throwable $e) {
            $this->failed($e); // a CMS puts a handler of its own in the place of ours
        }
        $this->over = true;
        register_shutdown_function(fn () => $this->report->end(true));
        exit(0);
    }

    private function failed(\Throwable $e): never
    {
        $this->over = true;
        if ($e instanceof Failure) {
            $this->report->error($e->reason, $e->getMessage(), $e->field);
        } else {
            $text = sprintf('%s: %s in %s:%d', $e::class, $e->getMessage(), $e->getFile(), $e->getLine());
            $this->report->error('DRIVER_FAILED', $text, '');
        }
        $this->report->end(false);
        exit(EXIT_FAILED);
    }

    /**
     * The first shutdown function: something ended the script before its verb was over. Those of the CMS still have
     * their turn, because they free its locks.
     */
    private function guard(): void
    {
        $this->reserve = null;
        if ($this->over) {
            return;
        }
        $last = error_get_last();
        if ($last !== null && ($last['type'] & FATAL) !== 0) {
            $text = sprintf('%s in %s:%d', strtok($last['message'], "\n"), $last['file'], $last['line']);
            $this->report->error('DRIVER_FAILED', $text, '');
        }
        register_shutdown_function(fn () => exit(EXIT_NO_END));
    }
}

/** The text of a secret's file in the site's etc folder, without its newline. */
function secret_read(string $file): string
{
    $text = @file_get_contents($file, false, null, 0, 4096);
    if ($text === false) {
        throw new Failure('DRIVER_FAILED', "cannot read the secret $file", 'db.secret_file');
    }
    return rtrim($text, "\n");
}

/** Makes a folder where it is missing; those above it must exist. */
function folder_make(string $path): void
{
    if (!is_dir($path) && !@mkdir($path, 0755)) {
        throw file_failure("cannot make the folder $path");
    }
}

/** Writes the whole file under a new name, then renames it: readers see the old text or the new one. */
function file_write(string $path, string $text, int $mode): void
{
    $new = "$path.new";
    @unlink($new);
    $file = @fopen($new, 'x') ?: throw file_failure("cannot write $new");
    $written = chmod($new, $mode) && @fwrite($file, $text) === strlen($text) && fsync($file);
    if (!$written || !fclose($file) || !@rename($new, $path)) {
        $failure = file_failure("cannot write $path");
        @unlink($new);
        throw $failure;
    }
}

/**
 * Puts files of ours into a code base: path below ROOT => the file that it is a copy of. Where one of them is there and
 * is from somebody else, nothing is written.
 */
function files_place(string $root, array $files, Report $report): void
{
    foreach (array_keys($files) as $path) {
        $old = @file_get_contents("$root/$path");
        if ($old !== false && !str_contains($old, OURS)) {
            $text = "$root/$path is not from provisiond: move it out of the code base";
            throw new Failure('FOREIGN_OBJECT', $text, 'place');
        }
    }
    foreach ($files as $path => $source) {
        $text = file_get_contents($source);
        folder_make(dirname("$root/$path"));
        if (@file_get_contents("$root/$path") !== $text) {
            file_write("$root/$path", $text, 0644);
            $report->log('info', "$root/$path written");
        }
    }
}

/**
 * A settings file from a template in PHP, in which '@WORD@' stands for a value: as the literal that PHP reads back as
 * that value.
 */
function settings_text(string $template, array $words): string
{
    $replace = [];
    foreach ($words as $word => $value) {
        $replace["'@$word@'"] = var_export($value, true);
    }
    return strtr(file_get_contents($template), $replace);
}

/** Makes PHP's globals those of a request for the front page of the site at URL. */
function request_pretend(string $root, string $url): void
{
    $host = (string) parse_url($url, PHP_URL_HOST);
    $port = parse_url($url, PHP_URL_PORT);
    $_SERVER = [
        'HTTP_HOST' => $port === null ? $host : "$host:$port",
        'SERVER_NAME' => $host,
        'SERVER_PORT' => (string) ($port ?? (parse_url($url, PHP_URL_SCHEME) === 'https' ? 443 : 80)),
        'SERVER_PROTOCOL' => 'HTTP/1.1',
        'SERVER_SOFTWARE' => '',
        'REQUEST_METHOD' => 'GET',
        'REQUEST_URI' => '/',
        'SCRIPT_NAME' => '/index.php',
        'SCRIPT_FILENAME' => "$root/index.php",
        'PHP_SELF' => '/index.php',
        'REMOTE_ADDR' => '127.0.0.1',
    ] + (parse_url($url, PHP_URL_SCHEME) === 'https' ? ['HTTPS' => 'on'] : []) + $_SERVER;
}

/** The words of a text in HTML, in one line. */
function html_text(string $html): string
{
    return trim(preg_replace('/\s+/', ' ', html_entity_decode(strip_tags($html), ENT_QUOTES | ENT_HTML5)));
}

/** Bytes of the regular files below a folder; links are not followed. */
function folder_size(string $path): int
{
    $bytes = 0;
    $folder = new \RecursiveDirectoryIterator($path, \FilesystemIterator::SKIP_DOTS);
    $all = new \RecursiveIteratorIterator($folder, 0, \RecursiveIteratorIterator::CATCH_GET_CHILD);
    foreach ($all as $file) {
        try {
            $bytes += $file->isFile() && !$file->isLink() ? $file->getSize() : 0;
        } catch (\RuntimeException) {
            continue; // it went away meanwhile
        }
    }
    return $bytes;
}

/** A failure from PHP's last warning; a full disk keeps its own code. */
function file_failure(string $what): Failure
{
    $why = error_get_last()['message'] ?? '';
    $full = preg_match('/errno=28\b|No space left|quota exceeded/i', $why) === 1;
    return new Failure($full ? 'DISK_FULL' : 'DRIVER_FAILED', $why !== '' ? "$what: $why" : $what);
}
