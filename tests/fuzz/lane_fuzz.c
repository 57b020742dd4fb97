/*
 * A lane between two parties that it need not trust: a core that asks for
 * anything, and a module that answers anything.  The input is first what the
 * token holds and how it fails, then requests.  Whatever happens, the lane
 * answers each request once, and what it has signed was a shape of that key's
 * purpose.
 */
#include <unistd.h>

#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"
#include "../../pkcs11/request.h"
#include "../../pkcs11/shape.h"
#include "fuzz.h"

#define OBJECTS	    3
#define ATTRIBUTES  24
#define PUT(to, from) memcpy(to, from, strlen(from))

static struct lane lane;
static int pair[2] = { -1, -1 };

struct given {
	CK_ATTRIBUTE_TYPE type;
	uint8_t object, length;
	struct view v;
};

/* What the input says about the token. */
static struct {
	struct given attributes[ATTRIBUTES];
	unsigned nattributes, objects, given;
	struct view signature;
	CK_RV rv; /* of the call that is to fail */
	unsigned fails; /* how many calls from now; 0: none */
	unsigned signs;
	enum { LIE_NONE, LIE_COUNT, LIE_LENGTH, LIE__MAX } lies;
} token;

static const CK_ATTRIBUTE_TYPE types[] = { CKA_ID, CKA_LABEL, CKA_KEY_TYPE,
	CKA_EC_PARAMS, CKA_EC_POINT, CKA_MODULUS, CKA_PUBLIC_EXPONENT,
	CKA_VALUE, CKA_PUBLIC_KEY_INFO, CKA_SENSITIVE, CKA_EXTRACTABLE,
	CKA_ALWAYS_AUTHENTICATE };

static const CK_RV codes[] = { CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID,
	CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_PIN_LOCKED,
	CKR_BUFFER_TOO_SMALL, CKR_MECHANISM_INVALID, CKR_GENERAL_ERROR,
	CKR_DATA_LEN_RANGE, CKR_FUNCTION_FAILED, CKR_TOKEN_NOT_PRESENT,
	CKR_TEMPLATE_INCONSISTENT, CKR_KEY_HANDLE_INVALID,
	CKR_CRYPTOKI_NOT_INITIALIZED, CKR_VENDOR_DEFINED | 7,
	CKR_SESSION_COUNT };

static CK_RV
outcome(void)
{
	return token.fails != 0 && --token.fails == 0 ? token.rv : CKR_OK;
}

/* ------------------------------------------------------------- the module */

static CK_RV
initialize(void *args)
{
	(void)args;
	return CKR_OK;
}

static CK_RV
get_info(CK_INFO *info)
{
	memset(info, ' ', sizeof(*info));
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV
get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
	(void)present;
	if (slots != NULL)
		slots[0] = 1;
	*n = 1;
	return CKR_OK;
}

static CK_RV
get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	(void)slot;
	memset(info, ' ', sizeof(*info));
	PUT(info->label, "fuzz");
	info->flags = CKF_TOKEN_INITIALIZED;
	return outcome();
}

static CK_RV
get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *out, CK_ULONG *n)
{
	static const CK_MECHANISM_TYPE all[] = { CKM_ECDSA, CKM_RSA_PKCS,
		CKM_EC_KEY_PAIR_GEN, CKM_EDDSA };

	(void)slot;
	memcpy(out, all, sizeof(all));
	*n = nitems(all);
	return CKR_OK;
}

static CK_RV
get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
    CK_MECHANISM_INFO *info)
{
	(void)slot;
	(void)type;
	*info = (CK_MECHANISM_INFO){ 256, 4096, CKF_SIGN |
	    CKF_GENERATE_KEY_PAIR };
	return CKR_OK;
}

static CK_RV
open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify,
    CK_SESSION_HANDLE *handle)
{
	(void)slot;
	(void)flags;
	(void)app;
	(void)notify;
	*handle = 1;
	return outcome();
}

static CK_RV
close_session(CK_SESSION_HANDLE handle)
{
	(void)handle;
	return CKR_OK;
}

static CK_RV
get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	(void)handle;
	*info = (CK_SESSION_INFO){ .state = CKS_RW_USER_FUNCTIONS };
	return CKR_OK;
}

static CK_RV
find_objects_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template,
    CK_ULONG n)
{
	(void)handle;
	(void)template;
	(void)n;
	token.given = 0;
	return outcome();
}

static CK_RV
find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *out, CK_ULONG max,
    CK_ULONG *n)
{
	(void)handle;
	for (*n = 0; *n < max && token.given < token.objects; (*n)++)
		out[*n] = ++token.given;
	if (token.lies == LIE_COUNT)
		*n = max + 1; /* some count what is not there */
	return outcome();
}

static CK_RV
find_objects_final(CK_SESSION_HANDLE handle)
{
	(void)handle;
	return CKR_OK;
}

static CK_RV
get_attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a)
{
	for (unsigned i = 0; i < token.nattributes; i++) {
		struct view v = token.attributes[i].v;

		if (token.attributes[i].type != a->type ||
		    token.attributes[i].object % 2 != object % 2)
			continue;
		if (a->pValue == NULL || v.n > a->ulValueLen) {
			a->ulValueLen = v.n;
			return a->pValue == NULL ? CKR_OK :
			    CKR_BUFFER_TOO_SMALL;
		}
		memcpy(a->pValue, v.p, v.n);
		a->ulValueLen = token.attributes[i].length == 255 ?
		    (CK_ULONG)-1 : v.n;
		return CKR_OK;
	}
	a->ulValueLen = (CK_ULONG)-1;
	return CKR_ATTRIBUTE_TYPE_INVALID;
}

static CK_RV
get_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *template, CK_ULONG n)
{
	CK_RV rv = outcome();

	(void)handle;
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
		rv = get_attribute(object, &template[i]);
	return rv;
}

static CK_RV
sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	(void)handle;
	(void)m;
	(void)key;
	return outcome();
}

static CK_RV
sign(CK_SESSION_HANDLE handle, CK_BYTE *p, CK_ULONG n, CK_BYTE *out,
    CK_ULONG *len)
{
	struct view v = token.signature;

	(void)handle;
	(void)p;
	(void)n;
	token.signs++;
	if (v.n > *len)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(out, v.p, v.n);
	*len = token.lies == LIE_LENGTH ? 2 * SIGNATURE_MAX : v.n;
	return outcome();
}

static CK_RV
generate_key_pair(CK_SESSION_HANDLE handle, CK_MECHANISM *m,
    CK_ATTRIBUTE *public, CK_ULONG npublic, CK_ATTRIBUTE *private,
    CK_ULONG nprivate, CK_OBJECT_HANDLE *one, CK_OBJECT_HANDLE *other)
{
	(void)handle;
	(void)m;
	(void)public;
	(void)npublic;
	(void)private;
	(void)nprivate;
	*one = 1;
	*other = 2;
	return outcome();
}

static CK_RV
destroy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	(void)handle;
	(void)object;
	return outcome();
}

static CK_FUNCTION_LIST module = {
	.version = { 2, 40 },
	.C_Initialize = initialize,
	.C_Finalize = initialize,
	.C_GetInfo = get_info,
	.C_GetSlotList = get_slot_list,
	.C_GetTokenInfo = get_token_info,
	.C_GetMechanismList = get_mechanism_list,
	.C_GetMechanismInfo = get_mechanism_info,
	.C_OpenSession = open_session,
	.C_CloseSession = close_session,
	.C_GetSessionInfo = get_session_info,
	.C_FindObjectsInit = find_objects_init,
	.C_FindObjects = find_objects,
	.C_FindObjectsFinal = find_objects_final,
	.C_GetAttributeValue = get_attribute_value,
	.C_SignInit = sign_init,
	.C_Sign = sign,
	.C_GenerateKeyPair = generate_key_pair,
	.C_DestroyObject = destroy_object,
};

/* --------------------------------------------------------------- the input */

static struct view
take(struct reader *r, size_t n)
{
	struct view v = { r->p, n < r->left ? n : r->left };

	r->p += v.n;
	r->left -= v.n;
	return v;
}

/* objects, and lies; attributes, each as object, type, length and bytes;
 * signature; which call fails, and how. */
static void
read_token(struct reader *r)
{
	token.objects = reader_u8(r);
	token.lies = token.objects / (OBJECTS + 1) % LIE__MAX;
	token.objects %= OBJECTS + 1;
	token.nattributes = reader_u8(r) % (ATTRIBUTES + 1);
	for (unsigned i = 0; i < token.nattributes; i++) {
		struct given *a = &token.attributes[i];

		a->object = reader_u8(r);
		a->type = types[reader_u8(r) % nitems(types)];
		a->length = reader_u8(r);
		a->v = take(r, a->length);
	}
	token.signature = take(r, reader_u8(r));
	token.fails = reader_u8(r);
	token.rv = codes[reader_u8(r) % nitems(codes)];
	token.signs = 0;
}

static void
set_up(void)
{
	struct fault why;

	log_set_level(LOG_LEVEL_ERROR);
	require(frame_pair(pair, &why) == OK);
	lane.session.uri = uri_read("pkcs11:token=fuzz", URI_TOKEN, &why);
	require(lane.session.uri != NULL);
}

static void
start_lane(void)
{
	struct session *l = &lane.session;
	struct fault why;

	key_forget_all(&lane.ring);
	listing_free(&lane.listing);
	*l = (struct session){ .module = { &module, true }, .uri = l->uri,
		.pin_fd = -1, .folder = -1, .leave = -1, .handle = 1 };
	lane.ring.session = l;
	lane.restarted = INT64_MAX / 2; /* as if it were just done */
	require(token_find(&l->token, &l->module, l->uri, &why) == OK);
}

/* The answer to LANE_SIGN was good: so must the question have been. */
static void
require_shape(struct view request)
{
	struct key *key;
	struct view id, pin, preimage;
	struct reader r;
	struct fault why;
	enum sig_alg alg;

	reader_init(&r, request.p, request.n);
	id = reader_bytes(&r, CKA_ID_MAX);
	pin = reader_bytes(&r, SHA256_SIZE);
	alg = (enum sig_alg)reader_u8(&r);
	preimage = reader_bytes(&r, PREIMAGE_MAX);
	require(reader_done(&r) && token.signs > 0);
	token.fails = 0; /* what was to fail may not have come yet */
	require(key_get(&lane.ring, id, pin, &key, &why) == OK);
	require(alg_fits(alg, key->about.type));
	require(shape_check(key->about.purpose, alg, (struct view){
	    key->about.spki, key->about.spkilen }, preimage.p, preimage.n,
	    &why) == OK);
}

static void
ask(const struct frame *request)
{
	static unsigned char buffer[FRAME_MAX + 64];
	struct frame answer;
	struct fault why;
	struct reader r;
	struct buf b;

	buf_init(&b, FRAME_MAX);
	require(request_answer(&lane, pair[0], request, &b, &why) == OK);
	require(frame_recv(pair[1], &answer, buffer, sizeof(buffer), 0,
	    &why) == OK);
	require(answer.op == request->op && answer.id == request->id);
	reader_init(&r, answer.payload.p, answer.payload.n);
	if (answer.status != OK) {
		frame_get_fault(&r, &why);
		require(reader_done(&r) && why.code == answer.status);
		require_fault(why.code, &why);
	} else if (answer.op == LANE_SIGN) {
		require_shape(request->payload);
	}
	buf_free(&b);
}

/* Requests follow: op, two bytes of length, payload. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct frame request = { .id = 0 };
	struct reader r;

	if (pair[0] < 0)
		set_up();
	token.fails = 0;
	start_lane();
	reader_init(&r, p, n);
	read_token(&r);
	while (!r.failed && r.left > 0 && lane.session.leave < 0) {
		uint8_t high, low;

		request.op = reader_u8(&r);
		request.id++;
		high = reader_u8(&r);
		low = reader_u8(&r);
		request.payload = take(&r, (size_t)high << 8 | low);
		if (!r.failed)
			ask(&request);
	}
	return 0;
}
