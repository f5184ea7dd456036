<?php
/* The test driver's code base: shows the title from the site's own database, and what it is asked to try. */
declare(strict_types=1);

$data = getenv('PV_DATA', true);
$settings = json_decode((string) file_get_contents("$data/settings.json"), true);
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$db = new mysqli(
    $settings['host'], $settings['user'], rtrim((string) file_get_contents($settings['secret'])), $settings['name'],
    $settings['port'] ?: null, $settings['socket'] ?: null
);
/* How its owner wants it to answer: a status, and where it leads. */
[$status, $where] = explode(' ', trim((string) @file_get_contents("$data/answer")) . ' ');
if ($status !== '') {
    http_response_code((int) $status);
    $where === '' || header("Location: $where");
}
$title = $db->query('SELECT title FROM page')->fetch_row()[0];
echo '<!DOCTYPE html><html lang="en"><head><title>', htmlspecialchars($title), '</title></head><body></body></html>';
