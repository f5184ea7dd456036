<?php
/*
 * How the installer of Drupal 8 to 11 is called, and where it finds a language.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\Request;
use function Provision\{file_write, folder_make};

function install_call(Request $request, string $profile, string $language, array $form): void
{
    $loader = require 'autoload.php';
    require_once 'core/includes/install.core.inc';
    // NULL is a box that is not ticked; FALSE would be an illegal choice.
    $form += ['enable_update_status_module' => null, 'enable_update_status_emails' => null];
    install_drupal($loader, [
        'interactive' => false,
        'site_path' => site_path($request),
        'parameters' => ['profile' => $profile, 'langcode' => $language],
        'forms' => ['install_configure_form' => $form],
    ]);
}

/** The language, whose files the installer finds in the site and so asks no server for. */
function language_install(Request $request, string $profile): string
{
    $folder = $request->need('platform.root') . '/translations';
    $files = glob("$folder/*.po") ?: [];
    $language = language_name($request, $files, $folder);
    $target = $request->need('site.data') . '/files';
    foreach (preg_grep("/\.$language\.po$/", $files) as $file) {
        folder_make($target);
        folder_make("$target/translations");
        file_write("$target/translations/" . basename($file), (string) file_get_contents($file), 0644);
    }
    return $language;
}
