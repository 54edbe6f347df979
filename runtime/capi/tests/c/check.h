/* What every build of the library must do, on a host and on a device: the same answers, and a status for each misuse. */
#ifndef CHECK_H
#define CHECK_H

#include <siskin.h>

/* Prints one line. */
typedef void check_print(const char *line);

/* Memory that the checks use beside the session's. */
typedef struct check_room {
    unsigned char *copy; /* 64 bytes longer than the model, aligned to SISKIN_ALIGN */
    float *values;       /* one more than the largest port has elements */
    unsigned int values_count;
    bool own_table; /* the table names the model's operators and no other */
} check_room;

/* Runs drawn inputs through the model and prints the answers, then misuses the library in every way that it can
   detect. `config` must be right, and its arena and state 64 bytes longer than needed. Returns the failures. */
int check_all(const siskin_config *config, const check_room *room, check_print *print);

#endif
