#include "check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static check_print *print;
static int failures;
static int checks;

static char *put_text(char *to, const char *text)
{
    while (*text != '\0') {
        *to++ = *text++;
    }
    *to = '\0';
    return to;
}

static char *put_hex(char *to, uint32_t value, int digits)
{
    while (digits > 0) {
        digits--;
        *to++ = "0123456789abcdef"[(value >> (4 * digits)) & 15u];
    }
    *to = '\0';
    return to;
}

static void fail(const char *what, siskin_status got)
{
    char line[256];
    char *end = put_text(line, "FAILED ");
    end = put_text(put_text(end, what), ": ");
    put_text(end, siskin_status_text(got));
    print(line);
    failures++;
}

static void expect(const char *what, siskin_status got, siskin_status wanted)
{
    checks++;
    if (got != wanted) {
        fail(what, got);
    }
}

static void expect_true(const char *what, bool holds)
{
    checks++;
    if (!holds) {
        fail(what, SISKIN_STATUS_OK);
    }
}

static uint32_t draw(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed & 255u;
}

/* Fills every input: bytes at random, floats as multiples of 1/64. */
static void fill_inputs(siskin_session *session, uint32_t *seed)
{
    for (size_t i = 0; i < siskin_input_count(session); i++) {
        siskin_port port;
        void *data;
        size_t bytes;
        expect("describe input", siskin_input_port(session, i, &port), SISKIN_STATUS_OK);
        expect("find input", siskin_input(session, i, &data, &bytes), SISKIN_STATUS_OK);
        expect_true("an input has the bytes of its elements", bytes == port.bytes);
        if (port.dtype == SISKIN_DTYPE_F32) {
            for (size_t k = 0; k < port.elements; k++) {
                ((float *)data)[k] = ((float)draw(seed) - 128.0f) / 64.0f;
            }
        } else {
            for (size_t k = 0; k < bytes; k++) {
                ((unsigned char *)data)[k] = (unsigned char)draw(seed);
            }
        }
    }
}

/* FNV-1a of every output's bytes. */
static uint32_t outputs(siskin_session *session)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < siskin_output_count(session); i++) {
        const void *data;
        size_t bytes;
        expect("find output", siskin_output(session, i, &data, &bytes), SISKIN_STATUS_OK);
        for (size_t k = 0; k < bytes; k++) {
            hash = (hash ^ ((const unsigned char *)data)[k]) * 16777619u;
        }
    }
    return hash;
}

static void answers(siskin_session *session)
{
    uint32_t seed = 1;
    for (uint32_t run = 0; run < 8; run++) {
        char line[64];
        fill_inputs(session, &seed);
        if (run % 2 == 0) {
            expect("run", siskin_run(session), SISKIN_STATUS_OK);
        } else {
            bool more = true;
            while (more && siskin_step(session, &more) == SISKIN_STATUS_OK) {
            }
            expect_true("stepped to the end", !more);
        }
        put_hex(put_text(put_hex(put_text(line, "run "), run, 1), ": "), outputs(session), 8);
        print(line);
    }
}

static void bad_pointers(siskin_session *session, const siskin_config *good)
{
    siskin_config bad = *good;
    siskin_session *odd = (siskin_session *)(void *)((char *)session + 1);
    const siskin_op *hole[2] = {0, 0};
    siskin_ops ops = {hole, 2};

    expect("no session", siskin_init(NULL, good, NULL), SISKIN_STATUS_NULL);
    expect("no config", siskin_init(session, NULL, NULL), SISKIN_STATUS_NULL);
    expect("misaligned session", siskin_init(odd, good, NULL), SISKIN_STATUS_MISALIGNED);
    bad.model = NULL;
    expect("no model", siskin_init(session, &bad, NULL), SISKIN_STATUS_NULL);
    bad = *good, bad.ops = NULL;
    expect("no operators", siskin_init(session, &bad, NULL), SISKIN_STATUS_NULL);
    bad.ops = &ops;
    expect("an operator that is NULL", siskin_init(session, &bad, NULL), SISKIN_STATUS_NULL);
    bad = *good, bad.arena = NULL;
    expect("no arena", siskin_init(session, &bad, NULL), SISKIN_STATUS_NULL);
    bad = *good, bad.state = NULL, bad.state_bytes = 16;
    expect("no state", siskin_init(session, &bad, NULL), SISKIN_STATUS_NULL);
    for (size_t shift = 1; shift < SISKIN_ALIGN; shift++) {
        siskin_error error;
        bad = *good, bad.arena = (char *)good->arena + shift, bad.arena_bytes -= shift;
        expect("misaligned arena", siskin_init(session, &bad, &error), SISKIN_STATUS_MISALIGNED);
        expect_true("the alignment is told", error.status == SISKIN_STATUS_MISALIGNED && error.needed == SISKIN_ALIGN);
    }
    bad = *good, bad.arena = session, bad.arena_bytes = sizeof *session;
    expect("arena over session", siskin_init(session, &bad, NULL), SISKIN_STATUS_OVERLAP);
    bad = *good, bad.state = good->arena, bad.state_bytes = 16;
    expect("state over arena", siskin_init(session, &bad, NULL), SISKIN_STATUS_OVERLAP);
    bad = *good, bad.arena_bytes = SIZE_MAX;
    expect("more arena than memory", siskin_init(session, &bad, NULL), SISKIN_STATUS_LENGTH);
    bad = *good, bad.model_bytes = SIZE_MAX - 1;
    expect("more model than memory", siskin_init(session, &bad, NULL), SISKIN_STATUS_LENGTH);
}

static void short_memory(siskin_session *session, const siskin_config *good, size_t arena, size_t state)
{
    siskin_config bad = *good;
    siskin_error error;
    bad.arena_bytes = arena - 1;
    expect("short arena", siskin_init(session, &bad, &error), SISKIN_STATUS_ARENA);
    expect_true("the arena's bytes are told", error.status == SISKIN_STATUS_ARENA && error.needed == arena);
    expect("a refused session runs", siskin_run(session), SISKIN_STATUS_NOT_INITIALIZED);
    bad.arena = NULL, bad.arena_bytes = 0;
    expect("empty arena", siskin_init(session, &bad, NULL), SISKIN_STATUS_ARENA);
    if (state > 0) {
        bad = *good, bad.state_bytes = state - 1;
        expect("short state", siskin_init(session, &bad, &error), SISKIN_STATUS_STATE);
        expect_true("the state's bytes are told", error.needed == state);
    }
}

static void missing_operators(siskin_session *session, const siskin_config *good, bool own_table)
{
    siskin_config bad = *good;
    siskin_ops ops = {NULL, 0};
    siskin_error error;
    bad.ops = &ops;
    expect("empty table", siskin_init(session, &bad, &error), SISKIN_STATUS_NO_OPERATOR);
    expect_true("the operator is told", error.index == 0 && error.code != 0);
    ops.list = good->ops->list, ops.count = good->ops->count - 1;
    if (own_table) {
        expect("incomplete table", siskin_init(session, &bad, &error), SISKIN_STATUS_NO_OPERATOR);
    }
}

static void bad_files(siskin_session *session, const siskin_config *good, unsigned char *copy)
{
    siskin_config bad = *good;
    size_t arena = 0;
    for (size_t shift = 1; shift < SISKIN_ALIGN; shift++) {
        memcpy(copy + shift, good->model, good->model_bytes);
        bad.model = copy + shift;
        expect("misaligned model", siskin_init(session, &bad, NULL), SISKIN_STATUS_MISALIGNED);
        expect("sizes of a misaligned model", siskin_model_sizes(bad.model, bad.model_bytes, &arena, NULL),
               SISKIN_STATUS_MISALIGNED);
    }
    memset(copy, 0, good->model_bytes + 64);
    memcpy(copy, good->model, good->model_bytes);
    bad.model = copy;
    for (size_t bytes = 0; bytes < good->model_bytes; bytes += bytes < 128 ? 1 : 61) {
        bad.model_bytes = bytes;
        expect("truncated model", siskin_init(session, &bad, NULL),
               bytes > 0 && bytes < 8 ? SISKIN_STATUS_NOT_A_MODEL : SISKIN_STATUS_TRUNCATED);
    }
    bad.model_bytes = good->model_bytes + 1;
    expect("a byte too many", siskin_init(session, &bad, NULL), SISKIN_STATUS_TRUNCATED);
    bad.model_bytes = good->model_bytes;
    for (size_t at = 0; at < good->model_bytes; at += at < 128 ? 1 : 101) {
        copy[at] ^= 0x10;
        siskin_status got = siskin_init(session, &bad, NULL);
        expect_true("a changed byte is found", got != SISKIN_STATUS_OK && got != SISKIN_STATUS_OTHER);
        copy[at] ^= 0x10;
    }
    bad.arena = copy;
    expect("arena over model", siskin_init(session, &bad, NULL), SISKIN_STATUS_OVERLAP);
    bad.arena = good->arena;
    expect("the copy is whole again", siskin_init(session, &bad, NULL), SISKIN_STATUS_OK);
}

static void no_session(siskin_session *session, const siskin_config *good)
{
    static siskin_session copy;
    bool more;
    void *data;
    const void *result;
    size_t bytes;
    siskin_port port;
    expect("init", siskin_init(session, good, NULL), SISKIN_STATUS_OK);
    memcpy(&copy, session, sizeof copy);
    expect("run a copied session", siskin_run(&copy), SISKIN_STATUS_NOT_INITIALIZED);
    memset(&copy, 0, sizeof copy);
    expect("run", siskin_run(&copy), SISKIN_STATUS_NOT_INITIALIZED);
    expect("step", siskin_step(&copy, &more), SISKIN_STATUS_NOT_INITIALIZED);
    expect("reset", siskin_reset(&copy), SISKIN_STATUS_NOT_INITIALIZED);
    expect("self-test", siskin_self_test(&copy, NULL), SISKIN_STATUS_NOT_INITIALIZED);
    expect("input", siskin_input(&copy, 0, &data, &bytes), SISKIN_STATUS_NOT_INITIALIZED);
    expect("output", siskin_output(&copy, 0, &result, &bytes), SISKIN_STATUS_NOT_INITIALIZED);
    expect("port", siskin_input_port(&copy, 0, &port), SISKIN_STATUS_NOT_INITIALIZED);
    expect("save", siskin_save_state(&copy, NULL, 0), SISKIN_STATUS_NOT_INITIALIZED);
    expect("restore", siskin_restore_state(&copy, NULL, 0), SISKIN_STATUS_NOT_INITIALIZED);
    expect_true("no inputs", siskin_input_count(&copy) == 0 && siskin_output_count(&copy) == 0);
    expect("run NULL", siskin_run(NULL), SISKIN_STATUS_NULL);
    expect("step NULL", siskin_step(NULL, &more), SISKIN_STATUS_NULL);
    expect("step to NULL", siskin_step(session, NULL), SISKIN_STATUS_NULL);
    expect_true("inputs of NULL", siskin_input_count(NULL) == 0);
}

static void bad_buffers(siskin_session *session, const siskin_config *good, const check_room *room, size_t state)
{
    void *data;
    const void *result;
    size_t bytes;
    siskin_port port;
    float *odd = (float *)(void *)((char *)room->values + 1);
    expect("no such input", siskin_input(session, 99, &data, &bytes), SISKIN_STATUS_NO_PORT);
    expect("no such output", siskin_output(session, 99, &result, &bytes), SISKIN_STATUS_NO_PORT);
    expect("no such port", siskin_output_port(session, 99, &port), SISKIN_STATUS_NO_PORT);
    expect("input to NULL", siskin_input(session, 0, NULL, &bytes), SISKIN_STATUS_NULL);
    expect("input's bytes to NULL", siskin_input(session, 0, &data, NULL), SISKIN_STATUS_NULL);
    expect("output to NULL", siskin_output(session, 0, NULL, &bytes), SISKIN_STATUS_NULL);
    expect("port to NULL", siskin_input_port(session, 0, NULL), SISKIN_STATUS_NULL);

    expect("input", siskin_input_port(session, 0, &port), SISKIN_STATUS_OK);
    if (port.outer == SISKIN_DTYPE_F32 && port.elements < room->values_count) {
        size_t n = port.elements;
        memset(room->values, 0, (n + 1) * sizeof(float));
        expect("write", siskin_write_f32(session, 0, room->values, n), SISKIN_STATUS_OK);
        expect("write too few", siskin_write_f32(session, 0, room->values, n - 1), SISKIN_STATUS_LENGTH);
        expect("write too many", siskin_write_f32(session, 0, room->values, n + 1), SISKIN_STATUS_LENGTH);
        expect("write more than memory", siskin_write_f32(session, 0, room->values, SIZE_MAX / 2),
               SISKIN_STATUS_LENGTH);
        expect("write NULL", siskin_write_f32(session, 0, NULL, n), SISKIN_STATUS_NULL);
        expect("write misaligned", siskin_write_f32(session, 0, odd, n), SISKIN_STATUS_MISALIGNED);
        expect("write the arena", siskin_write_f32(session, 0, (float *)good->arena, n), SISKIN_STATUS_OVERLAP);
    }
    expect("output", siskin_output_port(session, 0, &port), SISKIN_STATUS_OK);
    if (port.outer == SISKIN_DTYPE_F32 && port.elements < room->values_count) {
        size_t n = port.elements;
        expect("read", siskin_read_f32(session, 0, room->values, n), SISKIN_STATUS_OK);
        expect("read too few", siskin_read_f32(session, 0, room->values, n - 1), SISKIN_STATUS_LENGTH);
        expect("read to NULL", siskin_read_f32(session, 0, NULL, n), SISKIN_STATUS_NULL);
        expect("read misaligned", siskin_read_f32(session, 0, odd, n), SISKIN_STATUS_MISALIGNED);
        expect("read into the session", siskin_read_f32(session, 0, (float *)(void *)session, n),
               SISKIN_STATUS_OVERLAP);
    }
    expect("save other bytes", siskin_save_state(session, room->values, state + 1), SISKIN_STATUS_STATE);
    expect("restore other bytes", siskin_restore_state(session, room->values, state + 1), SISKIN_STATUS_STATE);
}

/* What was saved is what comes back, and a restored session answers as it did. */
static void states(siskin_session *session, const check_room *room, size_t state)
{
    uint32_t seed = 7, first, second;
    if (state > room->values_count * sizeof(float)) {
        return;
    }
    expect("reset", siskin_reset(session), SISKIN_STATUS_OK);
    fill_inputs(session, &seed);
    expect("run", siskin_run(session), SISKIN_STATUS_OK);
    expect("save", siskin_save_state(session, room->values, state), SISKIN_STATUS_OK);
    seed = 9;
    fill_inputs(session, &seed);
    expect("run", siskin_run(session), SISKIN_STATUS_OK);
    first = outputs(session);
    expect("restore", siskin_restore_state(session, room->values, state), SISKIN_STATUS_OK);
    seed = 9;
    fill_inputs(session, &seed);
    expect("run", siskin_run(session), SISKIN_STATUS_OK);
    second = outputs(session);
    expect_true("a restored session answers as it did", first == second);
}

int check_all(const siskin_config *config, const check_room *room, check_print *to)
{
    static siskin_session session;
    size_t arena = 0, state = 0;
    uint32_t vectors = 0;
    siskin_error error;
    char line[64];

    print = to;
    failures = checks = 0;
    expect("sizes", siskin_model_sizes(config->model, config->model_bytes, &arena, &state), SISKIN_STATUS_OK);
    expect("init", siskin_init(&session, config, &error), SISKIN_STATUS_OK);
    expect_true("no error", error.status == SISKIN_STATUS_OK && error.needed == 0);
    expect("self-test", siskin_self_test(&session, &vectors), SISKIN_STATUS_OK);
    expect_true("there are golden vectors", vectors > 0);
    answers(&session);
    states(&session, room, state);
    bad_buffers(&session, config, room, state);
    bad_pointers(&session, config);
    short_memory(&session, config, arena, state);
    missing_operators(&session, config, room->own_table);
    bad_files(&session, config, room->copy);
    no_session(&session, config);
    expect("self-test after all", siskin_self_test(&session, NULL), SISKIN_STATUS_OK);
    expect_true("any status has a text", siskin_status_text(-1) != NULL && siskin_status_text(99999) != NULL);

    put_hex(put_text(line, failures == 0 ? "checks passed, 0x" : "checks made, 0x"), (uint32_t)checks, 4);
    print(line);
    return failures;
}
