/*
 * Checks of single texts.  Each gives NULL, or a complaint that goes on after
 * the text: "must ...", "has ...", "is ...".
 */
#ifndef POLICY_TEXT_H
#define POLICY_TEXT_H

const char *check_text(const char *s);	   /* not empty */
const char *check_argument(const char *s); /* anything */
const char *check_name(const char *s);	   /* name_valid */
const char *check_pattern(const char *s);  /* "*", name or "prefix*" */
const char *check_path(const char *s);	   /* absolute, no detours */
const char *check_socket(const char *s);   /* as path; fits sun_path */
const char *check_module(const char *s);   /* p11-kit name or path */
const char *check_contact(const char *s);  /* mailto:, RFC 8555 7.3 */
const char *check_address(const char *s);  /* 127.0.0.1:80, [::1]:80 */
const char *check_login(const char *s);	   /* name of a user or group */
const char *check_pin_source(const char *s);
const char *check_https(const char *s);	   /* URL, RFC 3986; https only */

/* RFC 7512, path attributes only: the URI of a token, and of a private key
 * in it. */
const char *check_token_uri(const char *s);
const char *check_key_uri(const char *s);

/* A DNS name as in dns_name_valid(), "*." allowed; and what a rule says
 * about names, see name_matches(). */
const char *check_dns_name(const char *s);
const char *check_name_pattern(const char *s);

const char *check_owned(const char *s);		  /* name or "prefix*" */
const char *check_profile_pattern(const char *s); /* "*", "x" or "prefix*" */
const char *check_ip_pattern(const char *s);	  /* see ip_matches() */

#endif
