/* SPDX-License-Identifier: Apache-2.0
 * test_order.c - events leave in one order, however they came, and only when no earlier one can
 * follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "order.h"

static struct event *event_at(int64_t time_ns, uint16_t port, enum event_dataset dataset)
{
    struct event *event = calloc(1, sizeof *event);
    assert_non_null(event);
    event->key.time_ns = time_ns;
    event->key.client_port = port;
    event->key.dataset = dataset;
    char body[64];
    int len = snprintf(body, sizeof body, "{\"event\":{\"t\":%d,\"p\":%d}}", (int)time_ns, port);
    event->body[FORMAT_ECS] = strdup(body);
    event->len[FORMAT_ECS] = (size_t)len;
    event->sequence_at = strlen("{\"event\":{");
    return event;
}

/* An output as the command line would give it. */
struct opened {
    struct doors *doors;
    struct output_spec spec;
};

static struct opened open_output(const char *text, unsigned datasets)
{
    struct opened opened = { .doors = doors_new() };
    struct output_defaults defaults = { .format = FORMAT_ECS, .datasets = datasets };
    assert_true(output_spec_read(&opened.spec, text, "-o", &defaults, opened.doors));
    return opened;
}

static struct output *output_of(struct opened *opened, bool at_once)
{
    struct output_options options = { .at_once = at_once, .sensor = "sensor" };
    return output_open(&opened->spec, &options);
}

static void close_output(struct opened *opened)
{
    output_spec_free(&opened->spec);
    doors_free(opened->doors);
}

struct fixture {
    char path[64], spec[80];
    struct opened opened;
    struct output *outputs[1];
    struct order *order;
};

static void open_fixture(struct fixture *f, unsigned datasets)
{
    snprintf(f->path, sizeof f->path, "/tmp/starttap-order-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(f->spec, sizeof f->spec, "file:%s", f->path);
    f->opened = open_output(f->spec, datasets);
    f->outputs[0] = output_of(&f->opened, false);
    assert_non_null(f->outputs[0]);
    f->order = order_new(f->outputs, 1, datasets);
    assert_non_null(f->order);
}

static void expect_and_close(struct fixture *f, const char *text)
{
    char found[1024];
    order_free(f->order);
    assert_true(output_close(f->outputs[0]));
    close_output(&f->opened);
    FILE *file = fopen(f->path, "r");
    assert_non_null(file);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    unlink(f->path);
    assert_string_equal(found, text);
}

static void test_sorted_and_numbered(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 1u << DATASET_SESSION);
    struct event *list = event_at(3, 1, DATASET_SESSION);
    list->next = event_at(1, 9, DATASET_SESSION);
    list->next->next = event_at(1, 2, DATASET_SESSION);
    order_add(f.order, list);
    order_release(f.order, 3); /* an event at 3 may still get company */
    assert_int_equal(order_written(f.order), 2);
    order_add(f.order, event_at(3, 0, DATASET_SESSION));
    order_finish(f.order);
    expect_and_close(&f, "{\"event\":{\"sequence\":1,\"t\":1,\"p\":2}}\n"
                         "{\"event\":{\"sequence\":2,\"t\":1,\"p\":9}}\n"
                         "{\"event\":{\"sequence\":3,\"t\":3,\"p\":0}}\n"
                         "{\"event\":{\"sequence\":4,\"t\":3,\"p\":1}}\n");
}

static void test_unwanted_datasets_are_not_numbered(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 1u << DATASET_SESSION);
    order_add(f.order, event_at(1, 1, DATASET_STATS));
    order_add(f.order, event_at(2, 2, DATASET_SESSION));
    order_finish(f.order);
    expect_and_close(&f, "{\"event\":{\"sequence\":1,\"t\":2,\"p\":2}}\n");
}

static void test_written_once(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 1u << DATASET_CERTIFICATE);
    struct event *late = event_at(2, 1, DATASET_CERTIFICATE);
    late->once = 7;
    late->next = event_at(1, 1, DATASET_CERTIFICATE);
    late->next->once = 7; /* comes later, but is earlier by the capture's clock */
    late->next->next = event_at(3, 1, DATASET_CERTIFICATE);
    late->next->next->once = 8;
    order_add(f.order, late);
    order_finish(f.order);
    expect_and_close(&f, "{\"event\":{\"sequence\":1,\"t\":1,\"p\":1}}\n"
                         "{\"event\":{\"sequence\":2,\"t\":3,\"p\":1}}\n");
}

static off_t size_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void test_at_once(void **state)
{
    (void)state;
    for (int at_once = 0; at_once <= 1; at_once++) {
        struct fixture f;
        open_fixture(&f, 1u << DATASET_SESSION);
        assert_true(output_close(f.outputs[0]));
        f.outputs[0] = output_of(&f.opened, at_once == 1);
        assert_non_null(f.outputs[0]);
        order_add(f.order, event_at(1, 1, DATASET_SESSION));
        order_release(f.order, 2);
        assert_int_equal(size_of(f.path) > 0, at_once == 1);
        expect_and_close(&f, "{\"event\":{\"sequence\":1,\"t\":1,\"p\":1}}\n");
    }
}

static void test_failed_write_is_told(void **state)
{
    (void)state;
    struct opened full = open_output("file:/dev/full", 1u << DATASET_SESSION);
    struct output *output = output_of(&full, false);
    assert_non_null(output);
    struct event *event = event_at(1, 1, DATASET_SESSION);
    output_write(output, event, 1);
    event_free(event);
    assert_false(output_close(output));
    close_output(&full);
    struct opened none = open_output("file:/nonexistent/folder/x", 1u << DATASET_SESSION);
    assert_null(output_of(&none, false));
    close_output(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted_and_numbered),
        cmocka_unit_test(test_unwanted_datasets_are_not_numbered),
        cmocka_unit_test(test_written_once),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_failed_write_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
