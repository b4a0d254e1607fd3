/* SPDX-License-Identifier: Apache-2.0
 * options_help.c - --help, out of the table of options.
 */
#include <string.h>

#include "options_table.h"
#include "wrap.h"

#define HELP_INDENT "                        "

static const char *const group_titles[] = { [OPTIONS_GROUP_INPUT] = "What to read",
                                            [OPTIONS_GROUP_OUTPUT] = "What to write",
                                            [OPTIONS_GROUP_SETTINGS] = "Configuration",
                                            [OPTIONS_GROUP_OTHER] = "Other" };

static const char head[] =
    "Usage: starttap -r FILE... [OPTION...]\n"
    "       starttap -i IFACE [OPTION...]\n"
    "       starttap explain [RULE...]\n"
    "\n"
    "starttap reads recorded network traffic or watches an interface, finds the mail\n"
    "sessions in it (SMTP, LMTP, POP3, IMAP, ManageSieve), and says for each whether\n"
    "it was encrypted, how well, who decided so, and what went wrong. It sends\n"
    "nothing towards what it watches.\n";

static const char examples[] =
    "\nExamples\n"
    "  Record what a mail program and its server say to each other, then ask why TLS\n"
    "  does not work:\n"
    "    tcpdump -i eth0 -w mail.pcap host mail.example.net\n"
    "    starttap -r mail.pcap --format text\n"
    "  Write the sessions of a day as JSON lines:\n"
    "    starttap -r day/*.pcap.gz --events session -o file:day.jsonl\n"
    "  What a finding means and what to do about it; all findings without an id:\n"
    "    starttap explain starttls.not_offered\n"
    "  Begin a configuration file, and check it after editing:\n"
    "    starttap --dump-config > starttap.yaml\n"
    "    starttap -T -c starttap.yaml\n"
    "\nExit status\n"
    "  0  done\n"
    "  1  a file could not be read, or not to its end; the rest is reported\n"
    "  2  the command line or the configuration is wrong\n"
    "  3  a finding as --fail-on asks was made\n";

static void row_print(const struct options_row *row, FILE *out)
{
    size_t column = (size_t)fprintf(out, "  %s%s%s", row->short_form != NULL ? row->short_form : "",
                                    row->short_form != NULL && row->long_form != NULL ? ", " : "",
                                    row->long_form != NULL ? row->long_form : "");
    if (row->argument != NULL)
        column += (size_t)fprintf(out, " %s", row->argument);
    fprintf(out, "%*s", (int)(strlen(HELP_INDENT) - column), "");
    wrap_print_from(out, strlen(HELP_INDENT), HELP_INDENT, row->help);
}

/* One paragraph for all that is known and not there yet. */
static void later_print(FILE *out)
{
    char names[512] = "-";
    size_t len = 0;

    for (size_t i = 0; i < options_row_count && len < sizeof names; i++)
        if (options_rows[i].later != NULL)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len > 0 ? ", " : "",
                                    options_row_name(&options_rows[i]));
    if (len == 0)
        return;
    fputs("\nKnown, but not available in this version\n", out);
    wrap_print(out, "  ", names);
    wrap_print(out, "  ", "and the command: state");
}

void options_help_print(FILE *out)
{
    fputs(head, out);
    for (int group = 0; group < OPTIONS_GROUPS; group++) {
        fprintf(out, "\n%s\n", group_titles[group]);
        for (size_t i = 0; i < options_row_count; i++)
            if ((int)options_rows[i].group == group && options_rows[i].later == NULL)
                row_print(&options_rows[i], out);
    }
    later_print(out);
    fputs(examples, out);
}

void options_help_print_short(FILE *out)
{
    fputs("Usage: starttap -r FILE... [OPTION...]\n"
          "To see what is wrong in a capture:  starttap -r mail.pcap --format text\n"
          "All options and examples:           starttap --help\n",
          out);
}
