/* The checks on a host: check MODEL.siskin */
#define _POSIX_C_SOURCE 200112L
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

static void line(const char *text) { puts(text); }

/* Memory aligned to SISKIN_ALIGN. */
static unsigned char *room(size_t bytes)
{
    void *memory = NULL;
    if (posix_memalign(&memory, SISKIN_ALIGN, bytes) != 0) {
        exit(2);
    }
    return memory;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "usage: check MODEL.siskin\n");
        return 2;
    }
    long length = ftell(file);
    rewind(file);
    size_t bytes = (size_t)length, arena, state;
    unsigned char *model = room(bytes + 64), *copy = room(bytes + 64);
    if (length <= 0 || fread(model, 1, bytes, file) != bytes || fclose(file) != 0) {
        return 2;
    }
    siskin_status status = siskin_model_sizes(model, bytes, &arena, &state);
    if (status != SISKIN_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], siskin_status_text(status));
        return 1;
    }
    siskin_config config = {model, bytes, &siskin_all_ops, room(arena + 64), arena + 64, room(state + 64), state + 64};
    unsigned int values = (unsigned int)((arena + state) / 4 + 64);
    check_room rooms = {copy, (float *)(void *)room(values * sizeof(float)), values, false};
    int failures = check_all(&config, &rooms, line);
    free(model), free(copy), free(config.arena), free(config.state), free(rooms.values);
    return failures != 0;
}
