/* Runs the handwritten digits model on a Cortex-M4; `cargo xtask capi` runs it in QEMU.
 *
 * digits.h and digits.c are made from the model:
 *   siskin inspect digits.siskin --c-header --c-prefix DIGITS -o digits.h --c-model digits.c
 */
#include "digits.h"
#include "semihosting.h"

static SISKIN_ALIGNED unsigned char arena[DIGITS_ARENA_BYTES];
static siskin_session session;

static const siskin_config config = {
    .model = digits_model_data,
    .model_bytes = DIGITS_MODEL_BYTES,
    .ops = &digits_model_ops,
    .arena = arena,
    .arena_bytes = sizeof arena,
};

static const char *const labels[] = DIGITS_LABELS;

/* A 1, as a camera would see it: 8x8 pixels of 0 to 1. */
static void draw(float image[DIGITS_INPUT_0_ELEMENTS])
{
    for (int i = 0; i < DIGITS_INPUT_0_ELEMENTS; i++) {
        image[i] = i % 8 == 3 || i % 8 == 4 ? 1.0f : 0.0f;
    }
}

static int run(void)
{
    static float image[DIGITS_INPUT_0_ELEMENTS];
    float scores[DIGITS_OUTPUT_0_ELEMENTS];
    siskin_status status = siskin_init(&session, &config, NULL);
    if (status == SISKIN_STATUS_OK) {
        status = siskin_self_test(&session, NULL);
    }
    draw(image);
    if (status == SISKIN_STATUS_OK) {
        status = siskin_write_f32(&session, 0, image, DIGITS_INPUT_0_ELEMENTS);
    }
    if (status == SISKIN_STATUS_OK) {
        status = siskin_run(&session);
    }
    if (status == SISKIN_STATUS_OK) {
        status = siskin_read_f32(&session, 0, scores, DIGITS_OUTPUT_0_ELEMENTS);
    }
    if (status != SISKIN_STATUS_OK) {
        print(siskin_status_text(status));
        print("\n");
        return 1;
    }
    int best = 0;
    for (int i = 1; i < DIGITS_OUTPUT_0_ELEMENTS; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    print("self-test passed; this is a ");
    print(labels[best]);
    print("\n");
    return 0;
}

int main(void) { return run(); }
