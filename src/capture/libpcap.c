/* SPDX-License-Identifier: Apache-2.0
 * libpcap.c - the one file that includes libpcap's headers.
 *
 * Frames carry LINKTYPE_ values as written in files, libpcap's programs are compiled for its own
 * DLT_ values. They are equal but for the few that had different values on different systems.
 */
#include "libpcap.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "limits.h"
#include "log.h"
#include "packet_socket.h"

static const struct {
    uint16_t link_type;
    int dlt;
} renumbered[] = {
    { 100, DLT_ATM_RFC1483 }, { 101, DLT_RAW },      { 102, DLT_SLIP_BSDOS },
    { 103, DLT_PPP_BSDOS },   { 106, DLT_ATM_CLIP },
};

static int dlt_of(uint16_t link_type)
{
    for (size_t i = 0; i < sizeof renumbered / sizeof renumbered[0]; i++)
        if (renumbered[i].link_type == link_type)
            return renumbered[i].dlt;
    return link_type;
}

static uint16_t link_type_of(int dlt)
{
    for (size_t i = 0; i < sizeof renumbered / sizeof renumbered[0]; i++)
        if (renumbered[i].dlt == dlt)
            return renumbered[i].link_type;
    return (uint16_t)dlt;
}

struct program {
    uint16_t link_type;
    bool fits; /* else there is no code */
    struct bpf_program code;
};

struct filter {
    char *expression;
    struct program programs[LIMIT_FILTER_LINK_TYPES];
    size_t count;
    size_t last; /* that matched a link type: nearly always the next one too */
};

/* Programs for Linux may read what stands in no frame: the way that it went, its interface. */
static bool asks_the_kernel(const struct bpf_program *code)
{
    const bpf_u_int32 beyond = 0xfffff000; /* SKF_AD_OFF */
    for (u_int i = 0; i < code->bf_len; i++)
        if (BPF_CLASS(code->bf_insns[i].code) == BPF_LD &&
            BPF_MODE(code->bf_insns[i].code) == BPF_ABS && code->bf_insns[i].k >= beyond)
            return true;
    return false;
}

static bool compile(const char *expression, uint16_t link_type, struct bpf_program *code, char *why,
                    size_t why_size)
{
    pcap_t *pcap = pcap_open_dead(dlt_of(link_type), (int)LIMIT_FRAME_BYTES);
    if (pcap == NULL) {
        (void)snprintf(why, why_size, "out of memory");
        return false;
    }
    bool ok = pcap_compile(pcap, code, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!ok)
        (void)snprintf(why, why_size, "%s", pcap_geterr(pcap));
    pcap_close(pcap);
    if (ok && asks_the_kernel(code)) {
        (void)snprintf(why, why_size,
                       "inbound, outbound and ifindex do not stand in a frame; name addresses");
        pcap_freecode(code);
        return false;
    }
    return ok;
}

struct filter *filter_new(const char *expression)
{
    /* Ethernet first: its message is the one shown. "wlan" makes sense only for the last two. */
    static const uint16_t common[] = { DLT_EN10MB,           101,           DLT_LINUX_SLL, DLT_PPP,
                                       DLT_IEEE802_11_RADIO, DLT_IEEE802_11 };
    char first_why[PCAP_ERRBUF_SIZE], why[PCAP_ERRBUF_SIZE];
    bool fits = false;
    for (size_t i = 0; i < sizeof common / sizeof common[0] && !fits; i++) {
        struct bpf_program code;
        fits = compile(expression, common[i], &code, i == 0 ? first_why : why, PCAP_ERRBUF_SIZE);
        if (fits)
            pcap_freecode(&code);
    }
    if (!fits) {
        log_error("filter \"%s\": %s", expression, first_why);
        return NULL;
    }

    struct filter *filter = calloc(1, sizeof *filter);
    if (filter != NULL)
        filter->expression = strdup(expression);
    if (filter == NULL || filter->expression == NULL) {
        log_error("filter: out of memory");
        filter_free(filter);
        return NULL;
    }
    return filter;
}

void filter_free(struct filter *filter)
{
    if (filter == NULL)
        return;
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].fits)
            pcap_freecode(&filter->programs[i].code);
    free(filter->expression);
    free(filter);
}

static struct program *program_for(struct filter *filter, uint16_t link_type)
{
    if (filter->last < filter->count && filter->programs[filter->last].link_type == link_type)
        return &filter->programs[filter->last];
    for (filter->last = 0; filter->last < filter->count; filter->last++)
        if (filter->programs[filter->last].link_type == link_type)
            return &filter->programs[filter->last];
    if (filter->count == LIMIT_FILTER_LINK_TYPES)
        return NULL;

    char why[PCAP_ERRBUF_SIZE];
    struct program *program = &filter->programs[filter->count++];
    program->link_type = link_type;
    program->fits = compile(filter->expression, link_type, &program->code, why, sizeof why);
    if (!program->fits)
        log_error("filter \"%s\" can match no frame of link type %u: %s", filter->expression,
                  (unsigned)link_type, why);
    return program;
}

enum filter_result filter_match(struct filter *filter, const struct frame *frame)
{
    struct program *program = program_for(filter, frame->link_type);
    if (program == NULL || !program->fits)
        return FILTER_UNFIT;

    struct pcap_pkthdr header = { .caplen = frame->captured, .len = frame->wire };
    return pcap_offline_filter(&program->code, &header, frame->data) != 0 ? FILTER_YES : FILTER_NO;
}

bool filter_fits(struct filter *filter, uint16_t link_type)
{
    const struct program *program = program_for(filter, link_type);
    return program != NULL && program->fits;
}

struct libpcap_file {
    pcap_t *pcap;
    uint16_t link_type;
};

struct libpcap_file *libpcap_file_new(const char *path, char *why, size_t why_size)
{
    char error[PCAP_ERRBUF_SIZE] = "out of memory";
    struct libpcap_file *file = calloc(1, sizeof *file);
    if (file != NULL)
        file->pcap =
            pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
    if (file == NULL || file->pcap == NULL) {
        (void)snprintf(why, why_size, "%s", error);
        free(file);
        return NULL;
    }
    file->link_type = link_type_of(pcap_datalink(file->pcap));
    return file;
}

void libpcap_file_free(struct libpcap_file *file)
{
    if (file == NULL)
        return;
    pcap_close(file->pcap);
    free(file);
}

enum libpcap_result libpcap_file_next(struct libpcap_file *file, struct frame *frame)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int result = pcap_next_ex(file->pcap, &header, &data);
    if (result != 1)
        return result == PCAP_ERROR_BREAK ? LIBPCAP_END : LIBPCAP_ERROR;

    /* With nanosecond precision, tv_usec holds nanoseconds. */
    *frame = (struct frame){
        .time_ns = header->ts.tv_sec * NS_PER_S + header->ts.tv_usec,
        .data = data,
        .captured = header->caplen,
        .wire = header->len < header->caplen ? header->caplen : header->len,
        .link_type = file->link_type,
    };
    return LIBPCAP_FRAME;
}

const char *libpcap_file_error(struct libpcap_file *file) { return pcap_geterr(file->pcap); }

struct libpcap_live {
    pcap_t *pcap;
    uint16_t link_type;
    int descriptor;
    int64_t unit_ns;  /* of the second field of its times */
    int64_t since_ns; /* frames from before this are discarded */
    uint64_t taken;
    struct libpcap_counts counts;
    struct pcap_stat last; /* the numbers that were added to counts: they wrap */
};

/* Blocks of the ring are handed over after this time at the latest. */
#define LIVE_BLOCK_MS 20
/* A clock that was set back leaves no more than this out. */
#define LIVE_EARLY_NS NS_PER_S
/* Instructions. Linux charges a filter to net.core.optmem_max, 20 KiB on older ones. */
#define KERNEL_PROGRAM_MAX 1000u

static enum libpcap_refusal refusal_of(int status)
{
    switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED: return LIBPCAP_NO_RIGHT;
    case PCAP_ERROR_NO_SUCH_DEVICE: return LIBPCAP_NO_INTERFACE;
    case PCAP_ERROR_IFACE_NOT_UP: return LIBPCAP_DOWN;
    default: return LIBPCAP_REFUSES;
    }
}

static bool live_activate(pcap_t *pcap, const struct libpcap_live_options *options,
                          enum libpcap_refusal *refusal)
{
    int ring = options->ring > INT32_MAX ? INT32_MAX : (int)options->ring;
    if (pcap_set_snaplen(pcap, (int)options->snaplen) != 0 || pcap_set_promisc(pcap, 1) != 0 ||
        pcap_set_timeout(pcap, LIVE_BLOCK_MS) != 0 || pcap_set_buffer_size(pcap, ring) != 0)
        return false;
    (void)pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO); /* microseconds do as well */
    int status = pcap_activate(pcap);
    *refusal = refusal_of(status);
    return status >= 0;
}

static bool take_none(pcap_t *pcap)
{
    struct bpf_insn none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
    struct bpf_program program = { .bf_len = 1, .bf_insns = none };
    return pcap_setfilter(pcap, &program) == 0;
}

struct libpcap_live *libpcap_live_new(const char *interface,
                                      const struct libpcap_live_options *options,
                                      enum libpcap_refusal *refusal, char *why, size_t why_size)
{
    char error[PCAP_ERRBUF_SIZE] = "out of memory";
    *refusal = LIBPCAP_REFUSES;
    struct libpcap_live *live = calloc(1, sizeof *live);
    pcap_t *pcap = live != NULL ? pcap_create(interface, error) : NULL;
    bool ok = pcap != NULL && live_activate(pcap, options, refusal) && take_none(pcap);
    if (pcap != NULL && !ok)
        (void)snprintf(error, sizeof error, "%s", pcap_geterr(pcap));
    if (ok && pcap_setnonblock(pcap, 1, error) != 0)
        ok = false;
    if (!ok) {
        (void)snprintf(why, why_size, "%s", error);
        if (pcap != NULL)
            pcap_close(pcap);
        free(live);
        return NULL;
    }
    live->pcap = pcap;
    live->link_type = link_type_of(pcap_datalink(pcap));
    live->descriptor = pcap_get_selectable_fd(pcap);
    live->unit_ns = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : NS_PER_US;
    live->since_ns = INT64_MAX;
    return live;
}

void libpcap_live_free(struct libpcap_live *live)
{
    if (live == NULL)
        return;
    pcap_close(live->pcap);
    free(live);
}

bool libpcap_live_filter(struct libpcap_live *live, const char *expression)
{
    struct bpf_program code;
    if (pcap_compile(live->pcap, &code, expression != NULL ? expression : "", 1,
                     PCAP_NETMASK_UNKNOWN) != 0)
        return false;
    /* What the kernel refuses libpcap would apply itself, and count none of what it left out. */
    bool ok = code.bf_len <= KERNEL_PROGRAM_MAX && !asks_the_kernel(&code) &&
              packet_socket_takes(code.bf_insns, code.bf_len) &&
              pcap_setfilter(live->pcap, &code) == 0;
    pcap_freecode(&code);
    if (ok)
        packet_socket_once(pcap_fileno(live->pcap));
    return ok;
}

void libpcap_live_begin(struct libpcap_live *live)
{
    struct timespec now;
    (void)pcap_stats(live->pcap, &live->last); /* what is in the ring by now does not count */
    if (clock_gettime(CLOCK_REALTIME, &now) == 0)
        live->since_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
}

bool libpcap_live_end(struct libpcap_live *live)
{
    return packet_socket_end(pcap_fileno(live->pcap));
}

int libpcap_live_socket(const struct libpcap_live *live) { return pcap_fileno(live->pcap); }

int libpcap_live_descriptor(const struct libpcap_live *live) { return live->descriptor; }

uint16_t libpcap_live_link_type(const struct libpcap_live *live) { return live->link_type; }

struct taking {
    struct libpcap_live *live;
    libpcap_take *take;
    void *to;
};

static void on_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    const struct taking *taking = (const struct taking *)(const void *)user;
    struct libpcap_live *live = taking->live;
    struct frame frame = {
        .time_ns = header->ts.tv_sec * NS_PER_S + header->ts.tv_usec * live->unit_ns,
        .data = data,
        .captured = header->caplen,
        .wire = header->len < header->caplen ? header->caplen : header->len,
        .link_type = live->link_type,
    };
    if (frame.time_ns < live->since_ns && frame.time_ns >= live->since_ns - LIVE_EARLY_NS)
        return;
    live->taken++;
    if (!taking->take(taking->to, &frame))
        pcap_breakloop(live->pcap);
}

/* Not one by one: pcap_next_ex() would copy each frame once more. */
enum libpcap_result libpcap_live_take(struct libpcap_live *live, libpcap_take *take, void *to)
{
    struct taking taking = { .live = live, .take = take, .to = to };
    int result = pcap_dispatch(live->pcap, -1, on_packet, (u_char *)&taking);
    if (result == PCAP_ERROR_BREAK)
        return LIBPCAP_FRAME;
    return result < 0 ? LIBPCAP_ERROR : LIBPCAP_END;
}

uint64_t libpcap_live_taken(const struct libpcap_live *live) { return live->taken; }

const char *libpcap_live_error(struct libpcap_live *live) { return pcap_geterr(live->pcap); }

struct libpcap_counts libpcap_live_counts(struct libpcap_live *live)
{
    struct pcap_stat now;
    if (pcap_stats(live->pcap, &now) == 0) {
        live->counts.passed += now.ps_recv - live->last.ps_recv;
        live->counts.dropped += now.ps_drop - live->last.ps_drop;
        live->counts.interface_dropped += now.ps_ifdrop - live->last.ps_ifdrop;
        live->last = now;
    }
    return live->counts;
}
