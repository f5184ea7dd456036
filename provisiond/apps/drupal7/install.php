<?php
/*
 * How the installer of Drupal 7 is called, and where it finds a language.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal;

use Provision\Request;

function install_call(Request $request, string $profile, string $language, array $form): void
{
    define('DRUPAL_ROOT', $request->need('platform.root'));
    define('MAINTENANCE_MODE', 'install');
    require_once DRUPAL_ROOT . '/includes/install.core.inc';
    // NULL is a box that is not ticked; FALSE would be an illegal choice.
    $form += ['clean_url' => true, 'update_status_module' => [1 => null, 2 => null]];
    install_drupal([
        'interactive' => false,
        'parameters' => ['profile' => $profile, 'locale' => $language],
        'forms' => ['install_configure_form' => $form],
    ]);
}

/** The language, whose files the installer finds in the profile. */
function language_install(Request $request, string $profile): string
{
    $folder = $request->need('platform.root') . "/profiles/$profile/translations";
    return language_name($request, glob("$folder/*.po") ?: [], $folder);
}
