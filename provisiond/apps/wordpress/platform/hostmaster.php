<?php
/*
 * Plugin Name: Hostmaster
 * Description: One-time login links made by the hosting panel.
 * Version: 1
 * License: GPL-2.0-or-later
 *
 * Written by provisiond; the next verify of the platform writes it anew.
 *
 * A link is a random token of which only the hash is stored, as an option of its own: {user, expires}. Opening the link
 * changes nothing, so a preview in a mail program does not use it up; the button does. The row's deletion is the use:
 * of two that try at once one deletes it, and only that one is let in.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

defined('ABSPATH') || exit;

add_action('login_form_hostmaster', 'hostmaster_login');

function hostmaster_login(): void
{
    $token = is_string($_REQUEST['token'] ?? null) ? $_REQUEST['token'] : '';
    nocache_headers();
    header('Referrer-Policy: no-referrer');
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        hostmaster_login_page($token);
        exit;
    }
    $user = hostmaster_login_use($token);
    if ($user === null) {
        wp_die('This login link was used before, or is older than 15 minutes.', '', ['response' => 403]);
    }
    wp_set_auth_cookie($user->ID);
    do_action('wp_login', $user->user_login, $user);
    wp_safe_redirect(admin_url());
    exit;
}

function hostmaster_login_use(string $token): ?WP_User
{
    $option = 'hostmaster_login_' . hash('sha256', $token);
    $link = get_option($option);
    if (!is_array($link) || !delete_option($option) || $link['expires'] < time()) {
        return null;
    }
    return get_userdata($link['user']) ?: null;
}

function hostmaster_login_page(string $token): void
{
    login_header(__('Log In'));
    printf(
        '<form method="post" action="%s"><input type="hidden" name="token" value="%s"><p class="submit">'
        . '<button class="button button-primary button-large" type="submit">%s</button></p></form>',
        esc_url(site_url('wp-login.php?action=hostmaster', 'login_post')),
        esc_attr($token),
        esc_html__('Log In')
    );
    login_footer();
}
