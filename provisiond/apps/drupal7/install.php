<?php
/*
 * Installs Drupal 7 into an empty database, with settings that are complete before: the installer asks nothing, sends
 * no mail and needs no network.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\Drupal7;

use Provision\{Report, Request};
use function Provision\Drupal\{admin_name, db_must_be_empty, install_form, install_run, language_name, profile_name};
use function Provision\Drupal\{site_choose, site_title};

function install(Request $request, Report $report): void
{
    $profile = profile_name($request, code_extensions($request));
    $folder = $request->need('platform.root') . "/profiles/$profile/translations";
    $language = language_name($request, glob("$folder/*.po") ?: [], $folder);
    $form = install_form($request);
    db_must_be_empty($request);
    site_settings($request);
    site_choose($request);
    install_run($request, fn () => install_call($request, $profile, $language, $form));
    $report->fact('title', site_title($request));
    $report->fact('version', VERSION);
    $report->fact('schema', schema_installed()['system']);
    $report->fact('admin_name', admin_name($request));
}

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
