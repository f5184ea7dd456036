<?php
/*
 * The extensions of a Drupal code base as files: what its info files and its update functions say. Nothing of the code
 * base is executed here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\{Report, Request};

const INFO_MAX = 16384;

/** Folders in which Drupal looks for no extension; that a folder of tests is one is what makes a scan short. */
const SCAN_SKIPPED = [
    'src', 'lib', 'vendor', 'node_modules', 'bower_components', 'assets', 'css', 'files', 'images', 'js', 'misc',
    'templates', 'includes', 'fixtures', 'config', 'translations', 'Drupal', 'tests', 'CVS',
];

final class Extension
{
    public function __construct(
        public readonly string $type,    // module, theme, profile
        public readonly string $name,
        public readonly string $version, // as its info file says, '' in a checkout
        public readonly string $path,    // its folder below the root
        public readonly string $label,
        public readonly string $schema,  // highest number of its update functions, '' where it has none
        public readonly bool $hidden     // from people: tests and examples
    ) {
    }
}

/**
 * Every extension below FOLDERS of a root, of which Drupal takes the last one where a name is there twice. SUFFIX: of
 * info files. CORE: the version that VERSION stands for.
 *
 * @return array<string, Extension> by "TYPE NAME"
 */
function extensions(string $root, array $folders, string $suffix, string $core): array
{
    $found = [];
    foreach ($folders as $folder) {
        foreach (info_files("$root/$folder", $suffix) as $file) {
            $extension = extension_read($root, $file, $suffix, $core);
            if ($extension !== null) {
                $found["$extension->type $extension->name"] = $extension;
            }
        }
    }
    return $found;
}

/** @return string[] in the order of their names */
function info_files(string $folder, string $suffix): array
{
    if (!is_dir($folder)) {
        return [];
    }
    $wanted = fn (\SplFileInfo $entry): bool => $entry->isDir() && !$entry->isLink()
        ? is_scanned($entry)
        : str_ends_with($entry->getFilename(), $suffix);
    $tree = new \RecursiveDirectoryIterator($folder, \FilesystemIterator::SKIP_DOTS);
    $tree = new \RecursiveCallbackFilterIterator($tree, $wanted);
    $files = array_keys(iterator_to_array(new \RecursiveIteratorIterator($tree)));
    sort($files);
    return $files;
}

/** As Drupal looks: a folder config holds a module's configuration, but there is a module of that name too. */
function is_scanned(\SplFileInfo $folder): bool
{
    return !in_array($folder->getFilename(), SCAN_SKIPPED, true)
        || str_ends_with($folder->getPathname(), '/modules/config');
}

/** null: it is no extension that people choose, such as a theme engine. */
function extension_read(string $root, string $file, string $suffix, string $core): ?Extension
{
    $name = basename($file, $suffix);
    $folder = dirname($file);
    $info = info_read($file);
    $type = $info['type'] ?? extension_type($folder, $name);
    if (!in_array($type, ['module', 'theme', 'profile'], true)) {
        return null;
    }
    $version = $info['version'] ?? '';
    return new Extension(
        $type,
        $name,
        $version === 'VERSION' ? $core : $version,
        substr($folder, strlen($root) + 1),
        $info['name'] ?? $name,
        update_number("$folder/$name.install", $name),
        strcasecmp($info['hidden'] ?? '', 'true') === 0
    );
}

/** Drupal 7 says it by the file beside the info file. */
function extension_type(string $folder, string $name): string
{
    return match (true) {
        is_file("$folder/$name.module") => 'module',
        is_file("$folder/$name.profile") => 'profile',
        default => 'theme',
    };
}

/** The keys of an info file that count here, in the two spellings `key: value` and `key = value`. */
function info_read(string $file): array
{
    $text = (string) @file_get_contents($file, false, null, 0, INFO_MAX);
    preg_match_all('/^(name|type|version|hidden)[ \t]*[:=][ \t]*(.*?)[ \t\r]*$/m', $text, $found);
    return array_map(fn (string $value): string => trim($value, '\'"'), array_combine($found[1], $found[2]));
}

/** Of the update functions in an install file, and of those that it says were removed. */
function update_number(string $file, string $name): string
{
    $text = is_file($file) ? (string) @file_get_contents($file) : '';
    preg_match_all("/^function {$name}_update_(\d+)\b/m", $text, $numbers);
    preg_match("/^function {$name}_update_last_removed\b[^{]*\{\s*return (\d+);/m", $text, $removed);
    $all = [...$numbers[1], ...array_slice($removed, 1)];
    return $all === [] ? '' : (string) max(array_map(intval(...), $all));
}

/**
 * Reports the code base and its extensions. ENABLED, null without a site: version of the tables, or '', by "TYPE NAME".
 */
function packages_report(Report $report, array $extensions, string $core, ?array $enabled): void
{
    $system = $extensions['module system'];
    $schema = $enabled['module system'] ?? $system->schema;
    $report->package('core', 'drupal', $core, '', 'Drupal', $enabled === null ? '' : 'enabled', (string) $schema);
    foreach ($extensions as $key => $e) {
        $on = isset($enabled[$key]);
        if ($on || !is_hidden($e, $extensions)) {
            $status = $enabled === null ? '' : ($on ? 'enabled' : 'disabled');
            $schema = $on ? (string) $enabled[$key] : $e->schema;
            $report->package($e->type, $e->name, $e->version, $e->path, $e->label, $status, $schema);
        }
    }
    foreach (array_diff_key($enabled ?? [], $extensions) as $key => $schema) {
        $report->log('warning', "$key is enabled, but is not in the code base");
    }
}

/** Itself, or together with the profile in whose folder it lies. */
function is_hidden(Extension $extension, array $extensions): bool
{
    $around = fn (Extension $e): bool =>
        $e->hidden && $e->type === 'profile' && str_starts_with($extension->path, "$e->path/");
    return $extension->hidden || array_filter($extensions, $around) !== [];
}
