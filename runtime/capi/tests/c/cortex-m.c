/* The checks on a device, with the table and constants that `siskin inspect --c-header` made of the model. */
#include "check.h"
#include "model.h"
#include "semihosting.h"

static SISKIN_ALIGNED unsigned char arena[SISKIN_ARENA_BYTES + 64];
static SISKIN_ALIGNED unsigned char state[SISKIN_STATE_BYTES + 64];
static SISKIN_ALIGNED unsigned char copy[SISKIN_MODEL_BYTES + 64];
static SISKIN_ALIGNED float values[(SISKIN_ARENA_BYTES + SISKIN_STATE_BYTES) / 4 + 64];

static void line(const char *text)
{
    print(text);
    print("\n");
}

int main(void)
{
    siskin_config config = {siskin_model_data, SISKIN_MODEL_BYTES, &siskin_model_ops, arena, sizeof arena,
                            state,             sizeof state};
    check_room room = {copy, values, sizeof values / sizeof values[0], true};
    return check_all(&config, &room, line) != 0;
}
