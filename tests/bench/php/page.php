<?php
/* The list of tasks or of sites as a plain PHP page does it: the same rows by the same statement, printed as HTML. */
$db = new PDO('sqlite:' . $_SERVER['BENCH_DB'], null, null, [PDO::ATTR_PERSISTENT => true, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$h = fn ($text) => htmlspecialchars((string) $text, ENT_QUOTES);
$tasks = isset($_GET['tasks']);
$rows = $db->query($tasks
    ? "SELECT t.id, t.type, t.verb, t.object, t.label, COALESCE(a.login, '') AS login, t.origin, t.state, t.code, t.created, t.started, t.ended
         FROM task t LEFT JOIN account a ON a.id = t.account ORDER BY t.id DESC LIMIT 51"
    : "SELECT s.id, s.name, s.title, s.state, s.busy, s.last, s.platform, p.name AS platform_name, c.name AS client_name, s.url, s.verified
         FROM site s JOIN client c ON c.id = s.client JOIN platform p ON p.id = s.platform ORDER BY s.name LIMIT 51")
    ->fetchAll(PDO::FETCH_ASSOC);
?>
<!DOCTYPE html>
<html lang="en"><head><title>Panel</title><link rel="stylesheet" href="/static/hm.css"></head><body><main>
<table>
<?php foreach (array_slice($rows, 0, 50) as $row): ?>
<tr>
<?php if ($tasks): ?>
  <td><a href="/tasks/<?= $h($row['id']) ?>"><?= $h(ucfirst($row['type'])) ?></a></td>
  <td><a href="/sites/<?= $h($row['object']) ?>"><?= $h($row['label']) ?></a></td>
  <td><span class="state" data-state="<?= $h($row['state']) ?>"><?= $h($row['state']) ?></span></td>
  <td class="far"><?= $h($row['login']) ?></td>
  <td class="num"><time datetime="<?= gmdate('c', intdiv($row['created'], 1000000)) ?>"><?= gmdate('Y-m-d H:i', intdiv($row['created'], 1000000)) ?></time></td>
  <td class="num far"><?= intdiv($row['ended'] - $row['started'], 1000000) ?> s</td>
<?php else: ?>
  <td><a href="/sites/<?= $h($row['id']) ?>"><?= $h($row['name']) ?></a> <small><?= $h($row['title']) ?></small></td>
  <td><span class="state" data-state="<?= $h($row['state']) ?>"><?= $h($row['state']) ?></span></td>
  <td><a href="/platforms/<?= $h($row['platform']) ?>"><?= $h($row['platform_name']) ?></a></td>
  <td class="far"><?= $h($row['client_name']) ?></td>
  <td class="num far"><time><?= gmdate('Y-m-d H:i', intdiv($row['verified'], 1000000)) ?></time></td>
<?php endif ?>
</tr>
<?php endforeach ?>
</table>
</main></body></html>
