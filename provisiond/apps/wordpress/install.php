<?php
/*
 * Installs WordPress into an empty database. Sends no mail, asks no network, and nobody learns the first user's
 * password: a login link is how one gets in.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
declare(strict_types=1);

namespace Provision\WordPress;

use Provision\{Failure, Report, Request};

const PERMALINKS = '/%year%/%monthnum%/%day%/%postname%/';

function install(Request $request, Report $report): void
{
    if (is_blog_installed()) {
        throw new Failure('DB_EXISTS', "database {$request->need('db.name')} holds a site already", 'db_server');
    }
    $title = $request->get('args.title', $request->need('site.uri'));
    $name = admin_name($request);
    $mail = admin_mail($request);
    $locale = locale_find($request->get('args.language', 'en'));
    locale_load($locale);
    wp_install_quietly($title, $name, $mail, $locale);
    $GLOBALS['wp_rewrite']->set_permalink_structure(PERMALINKS);
    flush_rewrite_rules(false);
    $report->fact('title', site_title());
    $report->fact('version', $GLOBALS['wp_version']);
    $report->fact('schema', (int) get_option('db_version'));
    $report->fact('admin_name', $name);
    packages($request, $report);
}

/** Without its mail, and without its test of permalinks, a request of the site that is not served yet. */
function wp_install_quietly(string $title, string $name, string $mail, string $locale): void
{
    $permalinks = fn (): string => PERMALINKS;
    add_filter('pre_wp_mail', '__return_false');
    add_filter('pre_option_permalink_structure', $permalinks);
    $made = wp_install($title, $name, $mail, true, '', bin2hex(random_bytes(24)), $locale);
    remove_filter('pre_option_permalink_structure', $permalinks);
    $user = get_userdata((int) $made['user_id']);
    if (!$user || $user->user_login !== $name) {
        $why = $GLOBALS['wpdb']->last_error;
        throw new Failure('DRIVER_FAILED', "WordPress did not make the user $name: $why", 'admin_name');
    }
}

function admin_name(Request $request): string
{
    $name = $request->get('args.admin_name', 'admin');
    if (sanitize_user($name, true) !== $name) {
        throw new Failure('SCHEMA', "WordPress takes no user named $name", 'args.admin_name');
    }
    return $name;
}

function admin_mail(Request $request): string
{
    $mail = $request->need('args.admin_mail');
    if (!is_email($mail)) {
        throw new Failure('SCHEMA', "WordPress takes no mail address $mail", 'args.admin_mail');
    }
    return $mail;
}

/** A language of the request (de, pt-br) as a locale that the code base has (de_DE, pt_BR); '' is English. */
function locale_find(string $language): string
{
    if (in_array($language, ['en', 'en-us'], true)) {
        return '';
    }
    $have = get_available_languages();
    $wanted = strtr(strtolower($language), '-', '_');
    foreach (['/^%s$/i', '/^%s_/i'] as $pattern) {
        $found = preg_grep(sprintf($pattern, preg_quote($wanted)), $have);
        if ($found !== []) {
            return reset($found);
        }
    }
    $list = implode(', ', ['en', ...$have]);
    $text = "the code base has no language $language, only: $list; put its files into wp-content/languages";
    throw new Failure('SCHEMA', $text, 'args.language');
}

function locale_load(string $locale): void
{
    if ($locale !== '') {
        load_default_textdomain($locale);
        $GLOBALS['wp_locale'] = new \WP_Locale();
    }
}
