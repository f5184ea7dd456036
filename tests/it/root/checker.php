<?php
/*
 * Says as JSON what a process of a tenant is and may: on descriptor 3 as a worker, else as its output (a pool's page).
 */
declare(strict_types=1);

function field(string $name): string
{
    return preg_match("/^$name:[ \\t]*(.*)$/m", file_get_contents('/proc/self/status'), $m) ? trim($m[1]) : '';
}

function limits(): array
{
    $rows = array_slice(file('/proc/self/limits', FILE_IGNORE_NEW_LINES), 1);
    $limits = [];
    foreach ($rows as $row) {
        $limits[trim(substr($row, 0, 26))] = preg_split('/\s+/', trim(substr($row, 26)))[0];
    }
    return $limits;
}

function mounts(): array
{
    $mounts = [];
    foreach (file('/proc/self/mounts', FILE_IGNORE_NEW_LINES) as $row) {
        [, $target, , $options] = explode(' ', $row);
        $mounts[$target] = array_values(array_intersect(explode(',', $options), ['ro', 'rw', 'nosuid', 'nodev', 'noexec']));
    }
    return $mounts;
}

function descriptors(): object
{
    $pairs = [];
    foreach (array_filter(scandir('/proc/self/fd'), 'is_numeric') as $fd) {
        $what = (string) @readlink("/proc/self/fd/$fd");
        if ($what !== '' && $what !== realpath($_SERVER['SCRIPT_FILENAME']) && !str_starts_with($what, '/proc/')) {
            $pairs[$fd] = preg_replace('/:.*/', '', $what);
        }
    }
    return (object) $pairs;
}

function interfaces(): array
{
    return array_map(fn ($row) => trim(explode(':', $row)[0]), array_slice(file('/proc/self/net/dev'), 2));
}

$facts = [
    'uid' => field('Uid'), 'gid' => field('Gid'), 'groups' => field('Groups'), 'pid' => getmypid(),
    'capabilities' => [field('CapInh'), field('CapPrm'), field('CapEff'), field('CapAmb')],
    'no_new_privs' => field('NoNewPrivs'), 'seccomp' => field('Seccomp'), 'umask' => field('Umask'),
    'arguments' => array_slice(explode("\0", rtrim(file_get_contents('/proc/self/cmdline'), "\0")), 1),
    'environment' => getenv(), 'limits' => limits(), 'mounts' => mounts(), 'descriptors' => descriptors(),
    'interfaces' => interfaces(), 'cwd' => getcwd(), 'host' => php_uname('n'),
    'processes' => array_values(array_filter(scandir('/proc'), 'is_numeric')),
    'root' => array_values(array_diff(scandir('/'), ['.', '..'])), 'etc' => array_values(array_diff(scandir('/etc'), ['.', '..'])),
    'passwd' => file('/etc/passwd', FILE_IGNORE_NEW_LINES), 'request' => stream_get_contents(STDIN),
];
$out = @fopen('php://fd/3', 'w') ?: fopen('php://output', 'w');
fwrite($out, json_encode($facts) . "\n");
