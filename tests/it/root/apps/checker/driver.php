<?php
/*
 * A driver whose verbs are ways to behave badly, or to end, in the jail.
 */
declare(strict_types=1);

const VERBS = [
    'check' => 'check_all', 'exits' => 'exit_seven', 'dies' => 'die_by_signal', 'daemon' => 'leave_daemon', 'hangs' => 'wait_for_ever',
    'tries' => 'try_forbidden',
];

function check_all(): void
{
    require dirname(__DIR__, 2) . '/bin/checker.php';
}

function exit_seven(): void
{
    exit(7);
}

function die_by_signal(): void
{
    $pipes = [];
    proc_open(['/usr/bin/kill', '-SEGV', (string) getmypid()], [], $pipes);
    wait_for_ever();
}

/* Leaves a child behind that holds the log open. */
function leave_daemon(): void
{
    $pipes = [];
    proc_open(['/usr/bin/setsid', '/usr/bin/sleep', '1000'], [], $pipes);
    fwrite(STDERR, "left\n");
    exit(0);
}

function wait_for_ever(): void
{
    fwrite(STDERR, "waiting\n");
    $pair = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    while (!feof($pair[0])) {
        fread($pair[0], 1); // the other end is ours and never written
    }
}

function try_forbidden(): void
{
    $tries = [];
    foreach (json_decode(stream_get_contents(STDIN), true) as $path) {
        $tries[$path] = @file_put_contents($path, 'x') !== false ? 'written' : (@file_get_contents($path, false, null, 0, 1) !== false ? 'read' : 'refused');
    }
    fwrite(fopen('php://fd/3', 'w'), json_encode($tries) . "\n");
}

VERBS[$argv[1]]();
