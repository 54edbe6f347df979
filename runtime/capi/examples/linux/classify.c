/* Runs a model on a host: classify MODEL.siskin [INPUT.f32]
 *
 * INPUT.f32 holds the floats of the first input, in the machine's byte order. The classes are printed, likeliest first.
 * Without it the model's golden vectors are run: is this build right?
 */
#define _POSIX_C_SOURCE 200112L /* posix_memalign */
#include <siskin.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct bytes {
    void *at;
    size_t count;
} bytes;

static void *memory(size_t count)
{
    void *at = NULL;
    if (posix_memalign(&at, SISKIN_ALIGN, count > 0 ? count : 1) != 0) {
        fprintf(stderr, "%zu bytes of memory cannot be had\n", count);
        exit(EXIT_FAILURE);
    }
    return at;
}

/* A whole file, in memory aligned for a model. */
static bytes read_file(const char *name)
{
    bytes file = {NULL, 0};
    FILE *stream = fopen(name, "rb");
    long length = stream != NULL && fseek(stream, 0, SEEK_END) == 0 ? ftell(stream) : -1;
    if (length >= 0) {
        file.count = (size_t)length;
        file.at = memory(file.count);
        rewind(stream);
    }
    if (length < 0 || fread(file.at, 1, file.count, stream) != file.count) {
        fprintf(stderr, "%s cannot be read\n", name);
        exit(EXIT_FAILURE);
    }
    fclose(stream);
    return file;
}

static void demand(siskin_status status, const char *what)
{
    if (status != SISKIN_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", what, siskin_status_text(status));
        exit(EXIT_FAILURE);
    }
}

static void print_classes(const float *scores, size_t count)
{
    for (size_t place = 0; place < 5 && place < count; place++) {
        size_t next = count;
        for (size_t i = 0; i < count; i++) {
            size_t better = 0; /* how many classes come before this one */
            for (size_t k = 0; k < count; k++) {
                better += scores[k] > scores[i] || (scores[k] == scores[i] && k < i);
            }
            next = better == place ? i : next;
        }
        if (next < count) {
            printf("class %zu: %g\n", next, (double)scores[next]);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s MODEL.siskin [INPUT.f32]\n", argv[0]);
        return EXIT_FAILURE;
    }
    bytes model = read_file(argv[1]);
    siskin_session session;
    siskin_config config = {0};
    config.model = model.at;
    config.model_bytes = model.count;
    config.ops = &siskin_all_ops;
    demand(siskin_model_sizes(model.at, model.count, &config.arena_bytes, &config.state_bytes), argv[1]);
    config.arena = memory(config.arena_bytes);
    config.state = memory(config.state_bytes);
    demand(siskin_init(&session, &config, NULL), argv[1]);

    if (argc == 2) {
        uint32_t vectors = 0;
        demand(siskin_self_test(&session, &vectors), argv[1]);
        printf("%u golden vectors gave the recorded answers\n", (unsigned)vectors);
    } else {
        siskin_port output;
        bytes input = read_file(argv[2]);
        demand(siskin_write_f32(&session, 0, input.at, input.count / sizeof(float)), argv[2]);
        demand(siskin_run(&session), "run");
        demand(siskin_output_port(&session, 0, &output), "output");
        float *scores = memory(output.elements * sizeof(float));
        demand(siskin_read_f32(&session, 0, scores, output.elements), "output");
        print_classes(scores, output.elements);
        free(scores);
        free(input.at);
    }
    free(config.state);
    free(config.arena);
    free(model.at);
    return EXIT_SUCCESS;
}
