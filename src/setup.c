/* SPDX-License-Identifier: Apache-2.0
 * setup.c - opening and closing what a run needs.
 */
#include "setup.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { WORTH_WORKERS_MIB = 64 };

bool setup_is_live(const struct run *run)
{
    if (run->options.interfaces.count > 0)
        return true;
    for (size_t i = 0; i < run->options.reads.count; i++)
        if (strcmp(run->options.reads.at[i], "-") == 0)
            return true;
    return run->options.follow;
}

/* Threads cost more than they bring on a small file. */
unsigned setup_workers(const struct run *run)
{
    if (run->excerpt != NULL)
        return 1;
    unsigned long workers = run->config.workers;
    bool small = run->options.interfaces.count == 0 &&
                 capture_counters(run->capture).input_total >> 20 < WORTH_WORKERS_MIB;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (workers == 0)
        workers = small || cores < 2 ? 1 : (unsigned long)cores;
    return workers > LIMIT_SHARDS ? LIMIT_SHARDS : (unsigned)workers;
}

/* An interface's packets are shared between as many as work on them; interfaces side by side need
 * fewer each. */
static unsigned readers_each(const struct run *run)
{
    unsigned interfaces = (unsigned)run->options.interfaces.count;
    return interfaces > 0 ? (setup_workers(run) + interfaces - 1) / interfaces : 0;
}

static const char *non_empty(const char *text) { return *text != '\0' ? text : NULL; }

struct packet_narrow setup_narrow(const struct run *run)
{
    const struct config *config = &run->config;
    struct packet_narrow narrow = { .filter = non_empty(config->capture_filter) };
    if (config->capture_discovery == CONFIG_DISCOVERY_PORTS) {
        narrow.ports = config->capture_ports.at;
        narrow.port_count = config->capture_ports.count;
    }
    return narrow;
}

void setup_print_narrow(const struct run *run, FILE *out)
{
    if (*run->config.capture_filter != '\0')
        fputs("  the filter looks behind VLAN tags and at whole datagrams, but not inside tunnels "
              "(MPLS, "
              "PPPoE, GRE, VXLAN and others): of these it sees the outer packet\n",
              out);
}

bool setup_store(const struct config *c, bool strict, struct trust_store **store)
{
    const char *bundle = non_empty(c->x509_ca_bundle), *extra = non_empty(c->x509_ca_extra),
               *national = non_empty(c->x509_ca_national);
    bool by_default = c->places[CONFIG_ID_x509_ca_bundle].source == NULL;
    *store = NULL;
    if (bundle != NULL && by_default && !strict && access(bundle, R_OK) != 0) {
        log_warn("%s: cannot be read, so chains are not verified (x509.ca_bundle)", bundle);
        bundle = NULL;
    }
    if (bundle == NULL && extra == NULL && national == NULL)
        return true;
    *store = trust_store_load(bundle, extra);
    if (*store != NULL && (national == NULL || trust_store_add_national(*store, national)))
        return true;
    trust_store_free(*store);
    *store = NULL;
    config_tell_place(c, CONFIG_ID_x509_ca_bundle);
    config_tell_place(c, CONFIG_ID_x509_ca_extra);
    config_tell_place(c, CONFIG_ID_x509_ca_national);
    return false;
}

bool setup_trust(struct run *run)
{
    bool at_once = setup_is_live(run) || run->options.check;
    return setup_store(&run->config, false, &run->store) &&
           (!at_once || run->store == NULL || trust_store_prepare(run->store));
}

bool setup_inputs(struct run *run)
{
    struct packet_narrow narrow = setup_narrow(run);
    struct capture_options options = { .filter = non_empty(run->config.capture_filter),
                                       .follow = run->options.follow,
                                       .stop = run->stop,
                                       .snaplen = (uint32_t)run->config.capture_snaplen_bytes,
                                       .ring = run->config.capture_ring_bytes,
                                       .readers = readers_each(run),
                                       .ports = narrow.ports,
                                       .port_count = narrow.port_count };
    const struct options_list *lines = &run->options.interfaces, *files = &run->options.reads;
    run->capture = lines->count > 0 ? capture_open_live(lines->at, lines->count, &options)
                                    : capture_open(files->at, files->count, &options);
    return run->capture != NULL;
}

static const char *file_name(const void *capture, uint32_t file)
{
    return capture_file_name(capture, file);
}

/* What the session stage may ask of a policy that it does not know. */
static const char *name_of_server(const void *policy, uint8_t family, const uint8_t address[16],
                                  size_t index)
{
    return policy_name(policy, family, address, index);
}

/* From files constant, so that every run is the same; on a line nobody can foresee it. */
static uint64_t hash_key(const struct run *run)
{
    uint64_t key = 0;
    if (run->options.interfaces.count > 0 && getrandom(&key, sizeof key, 0) != sizeof key)
        log_warn("no random numbers: the hash of connections can be foreseen");
    return key;
}

struct worker_options setup_worker_options(const struct run *run)
{
    const struct config *c = &run->config;
    struct worker_options options = {
        .hash_key = hash_key(run),
        .shard = { .max_flows = (c->flow_max_flows + LIMIT_SHARDS - 1) / LIMIT_SHARDS,
                   .idle_timeout_ns = (int64_t)c->flow_idle_timeout_s * NS_PER_S,
                   .closed_timeout_ns = (int64_t)c->flow_closed_timeout_s * NS_PER_S,
                   .opening_timeout_ns = (int64_t)c->flow_opening_timeout_s * NS_PER_S,
                   .max_buffered_bytes = c->flow_max_memory_bytes / LIMIT_SHARDS,
                   .key_vlan = (c->flow_key & CONFIG_FLOW_KEY_VLAN) != 0,
                   .key_outer = (c->flow_key & CONFIG_FLOW_KEY_TUNNEL) != 0,
                   .key_interface = (c->flow_key & CONFIG_FLOW_KEY_INTERFACE) != 0,
                   .ports = c->capture_ports.at,
                   .port_count = c->capture_ports.count },
        .session = { .all_tls = c->tls_all,
                     .early = run->options.interfaces.count > 0,
                     .server_name = name_of_server,
                     .policy = detect_policy(run->detect),
                     .report_after_ns = (int64_t)c->session_report_after_s * NS_PER_S,
                     .ports = c->capture_ports.at,
                     .port_count = c->capture_ports.count },
        .event = { .sensor = c->sensor_name,
                   .live = run->options.interfaces.count > 0,
                   .ingress =
                       run->options.interfaces.count == 1 ? run->options.interfaces.at[0] : NULL,
                   .file_name = file_name,
                   .files = run->capture },
        .store = run->store,
        .cache_chains = c->x509_cache_chains,
        .new_chains = c->x509_new_chains,
        .datasets = setup_datasets(run),
        .detect = run->detect,
        .excerpt = run->excerpt,
        .least = setup_least(run),
    };
    setup_formats(run, options.event.formats);
    return options;
}

void setup_renew_worker(struct worker_options *options, const struct config *c,
                        const struct detect *detect, struct trust_store *store)
{
    options->session.all_tls = c->tls_all;
    options->session.report_after_ns = (int64_t)c->session_report_after_s * NS_PER_S;
    options->session.policy = detect_policy(detect);
    options->detect = detect;
    options->store = store;
}

/* What only the libraries can say of a configuration. */
bool setup_is_sound(const struct run *run)
{
    const struct config *config = &run->config;
    if ((run->options.write_pcap != NULL) != (run->options.write_pcap_of != NULL)) {
        log_error("--write-pcap FILE and --of ID belong together");
        return false;
    }
    if (run->options.write_pcap != NULL && setup_is_live(run)) {
        log_error("--write-pcap reads its captures twice: give files, without --follow");
        return false;
    }
    return setup_filter(config);
}

bool setup_filter(const struct config *config)
{
    if (*config->capture_filter == '\0' || capture_filter_valid(config->capture_filter))
        return true;
    config_tell_place(config, CONFIG_ID_capture_filter);
    return false;
}

bool setup_close(struct run *run)
{
    order_free(run->order);
    bool ok = setup_close_outputs(run);
    capture_close(run->capture);
    trust_store_free(run->store);
    detect_free(run->detect);
    excerpt_free(run->excerpt);
    config_free(&run->config);
    options_free(&run->options);
    return ok;
}
