/*
 * A token that fails while it is to sign: every class of the ladder of
 * pkcs11/ladder.c, once (and then nobody notices) and for good (and then the
 * client is told).
 */
#include "faulty_world.h"

#define REFIND "C_SignInit 1 return CKR_KEY_HANDLE_INVALID\n"
#define OTHER_POINT                                                            \
	"0441042549f8b3c9803b125da63fa45766f11e7734af0c54b3cda07e527d333f"     \
	"95e616adf9638e49ca6b1e23192682ac748e1c118ce3acdb5ac2797a38d13ecd"     \
	"77e9cb"

/* One failure heals on a rung, and the client has its signature. */
static const struct scenario once[] = {
	{ "session_handle_invalid",
	    "C_SignInit 1 return CKR_SESSION_HANDLE_INVALID", 200, NULL },
	{ "session_closed", "C_Sign 1 return CKR_SESSION_CLOSED", 200, NULL },
	{ "sessions_lost", "C_SignInit 1 lose-sessions", 200, NULL },
	{ "sessions_lost_in_the_middle", "C_Sign 1 lose-sessions", 200, NULL },
	{ "sessions_lost_twice", "C_SignInit 1..2 lose-sessions", 200, NULL },
	{ "operation_active", "C_SignInit 1 return CKR_OPERATION_ACTIVE", 200,
	    NULL },
	{ "operation_cancel_failed",
	    "C_Sign 1 return CKR_OPERATION_CANCEL_FAILED", 200, NULL },
	{ "operation_not_initialized",
	    "C_Sign 1 return CKR_OPERATION_NOT_INITIALIZED", 200, NULL },
	{ "function_canceled", "C_Sign 1 return CKR_FUNCTION_CANCELED", 200,
	    NULL },
	{ "buffer_too_small", "C_Sign 1 return CKR_BUFFER_TOO_SMALL", 200,
	    NULL },
	{ "user_not_logged_in", "C_SignInit 1 return CKR_USER_NOT_LOGGED_IN",
	    200, NULL },
	{ "login_lost", "C_SignInit 1 lose-login", 200, NULL },
	{ "login_lost_in_the_middle", "C_Sign 1 lose-login", 200, NULL },
	{ "key_handle_invalid", "C_SignInit 1 return CKR_KEY_HANDLE_INVALID",
	    200, NULL },
	{ "object_handle_invalid",
	    "C_SignInit 1 return CKR_OBJECT_HANDLE_INVALID", 200, NULL },
	{ "handles_renumbered", "C_SignInit 1 renumber", 200, NULL },
	{ "handles_point_at_another_key", "C_SignInit 1 misdirect", 200, NULL },
	{ "device_removed", "C_Sign 1 return CKR_DEVICE_REMOVED", 200, NULL },
	{ "token_not_present", "C_Sign 1 return CKR_TOKEN_NOT_PRESENT", 200,
	    NULL },
	{ "token_not_recognized", "C_Sign 1 return CKR_TOKEN_NOT_RECOGNIZED",
	    200, NULL },
	{ "slot_id_invalid", "C_SignInit 1 return CKR_SLOT_ID_INVALID", 200,
	    NULL },
	{ "cryptoki_not_initialized",
	    "C_SignInit 1 return CKR_CRYPTOKI_NOT_INITIALIZED", 200, NULL },
	{ "device_error", "C_Sign 1 return CKR_DEVICE_ERROR", 200, NULL },
	{ "device_error_twice", "C_Sign 1..2 return CKR_DEVICE_ERROR", 200,
	    NULL },
	{ "general_error", "C_SignInit 1 return CKR_GENERAL_ERROR", 200, NULL },
	{ "function_failed", "C_Sign 1 return CKR_FUNCTION_FAILED", 200, NULL },
	{ "device_memory", "C_Sign 1 return CKR_DEVICE_MEMORY", 200, NULL },
	{ "host_memory", "C_Sign 1 return CKR_HOST_MEMORY", 200, NULL },
	{ "vendor_code", "C_Sign 1 return 0x80000123", 200, NULL },
	{ "unknown_code", "C_Sign 1 return 0x7654", 200, NULL },
	{ "signed_but_said_to_have_failed", "C_Sign 1 say CKR_DEVICE_ERROR",
	    200, NULL },
	{ "search_fails", REFIND "C_FindObjects 1 return CKR_DEVICE_ERROR", 200,
	    NULL },
	{ "attributes_fail",
	    REFIND "C_GetAttributeValue 1 return CKR_SESSION_HANDLE_INVALID",
	    200, NULL },
	{ "session_cap_at_renewal",
	    "C_SignInit 1 return CKR_SESSION_HANDLE_INVALID\n"
	    "C_OpenSession 1 return CKR_SESSION_COUNT",
	    200, NULL },
	{ "slow", "C_Sign * delay 300ms", 200, NULL },
	{ "signature_by_another_key_once", "C_Sign 1 signature other-key", 200,
	    NULL },
	{ "signature_flipped_once", "C_Sign 1 signature flipped", 200, NULL },
	{ "signature_in_der", "C_Sign * signature der", 200, NULL },
	{ "point_raw",
	    REFIND "C_GetAttributeValue * attribute CKA_EC_POINT raw", 200,
	    NULL },
	{ "point_as_octet_string",
	    REFIND "C_GetAttributeValue * attribute CKA_EC_POINT octet-string",
	    200, NULL },
	{ "point_as_bit_string",
	    REFIND "C_GetAttributeValue * attribute CKA_EC_POINT bit-string",
	    200, NULL },
	{ "each_use_wants_the_pin", "token always-authenticate\n" REFIND, 200,
	    NULL },
	{ "crash_of_one_lane", "C_Sign 1 crash", 200, NULL },
	{ "exit_of_one_lane", "C_Sign 1 exit 0", 200, NULL },
};

/* A failure that stays is a problem document, until the token is mended. */
static const struct scenario forever[] = {
	{ "sessions_always_lost", "C_SignInit * lose-sessions", 503,
	    "CKR_SESSION_HANDLE_INVALID" },
	{ "device_error_for_good", "C_Sign * return CKR_DEVICE_ERROR", 503,
	    "CKR_DEVICE_ERROR" },
	{ "vendor_code_for_good", "C_SignInit * return 0x80000123", 503,
	    "vendor code (0x80000123)" },
	{ "token_removed", "token absent", 503, "no token matches the URI" },
	{ "device_removed_for_good", "C_SignInit * return CKR_DEVICE_REMOVED",
	    503, "CKR_DEVICE_REMOVED" },
	{ "session_cap_for_good",
	    "C_SignInit * return CKR_SESSION_HANDLE_INVALID\n"
	    "C_OpenSession * return CKR_SESSION_COUNT",
	    503, "CKR_SESSION_COUNT" },
	{ "resource_exceeded", "C_Sign * return CKR_TOKEN_RESOURCE_EXCEEDED",
	    503, "CKR_TOKEN_RESOURCE_EXCEEDED" },
	{ "mechanism_invalid", "C_SignInit * return CKR_MECHANISM_INVALID", 422,
	    "CKR_MECHANISM_INVALID" },
	{ "mechanism_param_invalid",
	    "C_SignInit * return CKR_MECHANISM_PARAM_INVALID", 422,
	    "CKR_MECHANISM_PARAM_INVALID" },
	{ "key_type_inconsistent",
	    "C_SignInit * return CKR_KEY_TYPE_INCONSISTENT", 422,
	    "CKR_KEY_TYPE_INCONSISTENT" },
	{ "key_function_not_permitted",
	    "C_SignInit * return CKR_KEY_FUNCTION_NOT_PERMITTED", 422,
	    "CKR_KEY_FUNCTION_NOT_PERMITTED" },
	{ "key_size_range", "C_SignInit * return CKR_KEY_SIZE_RANGE", 422,
	    "CKR_KEY_SIZE_RANGE" },
	{ "function_not_supported",
	    "C_SignInit * return CKR_FUNCTION_NOT_SUPPORTED", 422,
	    "CKR_FUNCTION_NOT_SUPPORTED" },
	{ "data_len_range", "C_Sign * return CKR_DATA_LEN_RANGE", 422,
	    "CKR_DATA_LEN_RANGE" },
	{ "arguments_bad", "C_Sign * return CKR_ARGUMENTS_BAD", 422,
	    "CKR_ARGUMENTS_BAD" },
	{ "key_gone", REFIND "C_FindObjectsInit * hide CKO_PRIVATE_KEY", 409,
	    "no such private key" },
	{ "key_twice", REFIND "C_FindObjects * duplicate", 409,
	    "more than one private key matches" },
	{ "public_half_gone", REFIND "C_FindObjectsInit * hide CKO_PUBLIC_KEY",
	    409,
	    "it needs a public key object or a certificate with its CKA_ID" },
	{ "point_garbage",
	    REFIND "C_GetAttributeValue * attribute CKA_EC_POINT 0102030405",
	    409, "a point of 5 bytes" },
	{ "point_not_on_the_curve",
	    REFIND
	    "C_GetAttributeValue * attribute CKA_EC_POINT 04"
	    "0000000000000000000000000000000000000000000000000000000000000001"
	    "0000000000000000000000000000000000000000000000000000000000000001",
	    409, "not on the curve" },
	{ "another_key_under_the_id",
	    REFIND "C_GetAttributeValue * attribute CKA_EC_POINT " OTHER_POINT,
	    409, "not the pinned one" },
	{ "signature_by_another_key", "C_Sign * signature other-key", 500,
	    "does not verify" },
	{ "signature_flipped", "C_Sign * signature flipped", 500,
	    "does not verify" },
	{ "signature_too_short", "C_Sign * signature length 63", 500,
	    "a signature of 63 bytes" },
	{ "signature_shorter_but_even", "C_Sign * signature length 62", 500,
	    "does not verify" },
	{ "signature_empty", "C_Sign * signature length 0", 500,
	    "a signature of 0 bytes" },
	{ "signature_too_long", "C_Sign * signature length 200", 500,
	    "a signature of 200 bytes" },
	{ "hang", "C_Sign * hang", 504, "did not answer in time" },
	{ "hang_before", "C_SignInit * hang", 504, "did not answer in time" },
	{ "hang_at_recovery",
	    "C_SignInit * return CKR_SESSION_HANDLE_INVALID\n"
	    "C_OpenSession 1 hang",
	    504, "did not answer in time" },
	{ "crash_of_all_lanes", "C_Sign * crash", 503,
	    "ended before it answered" },
};

static void
run_one(void **state)
{
	const struct scenario *s = *state;
	int told, waited;

	fresh_broker();
	break_token(s->script);
	client_sign();
	expect(s->status, s->detail);
	told = last.ms;
	mend_token();
	waited = wait_signature(HEALED_MS);
	print_message("%s: %d after %d ms, healed after %d ms\n", s->name,
	    s->status, told, waited);
}

static int
all_scenarios(void)
{
	open_account(NULL);
	return run_scenarios("once", once, nitems(once), run_one) +
	    run_scenarios("forever", forever, nitems(forever), run_one);
}

int
main(int argc, char **argv)
{
	return faulty_main(argc, argv, all_scenarios);
}
