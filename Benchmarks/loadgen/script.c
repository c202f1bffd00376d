#include "loadgen.h"
#include <stdlib.h>
#include <string.h>

void script_init(script *s, uint32_t capacity, size_t request_size, size_t answer_size) {
    *s = (script){
        .requests = malloc(capacity * request_size + 1), .answers = malloc(capacity * answer_size + 1),
        .request_at = calloc(capacity + 1, sizeof(size_t)), .answer_at = calloc(capacity + 1, sizeof(size_t))};
}

static size_t append(char *block, size_t at, const char *text) {
    size_t length = strlen(text);
    memcpy(block + at, text, length + 1);
    return at + length;
}

void script_add(script *s, const char *request, const char *answer) {
    uint32_t i = s->count++;
    s->request_at[i + 1] = append(s->requests, s->request_at[i], request);
    s->answer_at[i + 1] = append(s->answers, s->answer_at[i], answer);
}

void script_free(script *s) {
    free(s->requests);
    free(s->answers);
    free(s->request_at);
    free(s->answer_at);
    *s = (script){0};
}
