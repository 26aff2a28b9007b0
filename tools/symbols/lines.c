/* Which calls of which source lines stand at an address: see lines.h. */
#include "symbols/lines.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/array.h"
#include "symbols/name.h"

enum {
    UNITS_MAX = 1 << 20,
    RANGES_MAX = 1 << 20, /* of one thing */
    NESTING_MAX = 64,     /* namespaces and classes */
    INLINED_MAX = 128,    /* calls at one address */
    BLOCKS_MAX = 512,
    /* Entries below one another; broken ones may point back. */
    SIBLINGS_MAX = 1 << 20,
    ENTRIES_MAX = 1 << 24,
};

/* -------------------------------------------------------------- tables */

static int ranges_add(struct spans *spans, Dwarf_Die *die, size_t index)
{
    Dwarf_Addr base = 0;
    Dwarf_Addr start = 0;
    Dwarf_Addr end = 0;
    ptrdiff_t next = 0;

    for (int i = 0; i < RANGES_MAX; i++) {
        next = dwarf_ranges(die, next, &base, &start, &end);
        if (next <= 0)
            return 0;
        int r = spans_add(spans, start, end, index);

        if (r < 0)
            return r;
    }
    return 0;
}

static int unit_add(struct lines *lines, const Dwarf_Die *die,
                    const Dwarf_Die *tree)
{
    int r = array_grow((void **)&lines->units, lines->unit_count,
                       sizeof(*lines->units));

    if (r < 0)
        return r;
    struct lines_unit *unit = &lines->units[lines->unit_count];

    *unit = (struct lines_unit){.die = *die, .tree = *tree};
    return ranges_add(&lines->spans, &unit->die, lines->unit_count++);
}

int lines_init(struct lines *lines, Dwarf *dwarf)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    Dwarf_Die split;

    for (int i = 0; i < UNITS_MAX; i++) {
        uint8_t type = 0;

        if (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &split) != 0)
            break;
        bool is_split =
            type == DW_UT_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit;

        if (dwarf_tag(&die) != DW_TAG_compile_unit &&
            dwarf_tag(&die) != DW_TAG_skeleton_unit)
            continue;
        int r = unit_add(lines, &die, is_split ? &split : &die);

        if (r < 0)
            return r;
    }
    spans_sort(&lines->spans);
    return 0;
}

static int function_add(struct lines_unit *unit, Dwarf_Die *die)
{
    int r = array_grow((void **)&unit->functions, unit->function_count,
                       sizeof(*unit->functions));

    if (r < 0)
        return r;
    unit->functions[unit->function_count] = *die;
    return ranges_add(&unit->spans, die, unit->function_count++);
}

/* What may have functions in it.  Some languages, and some compilers, put them
 * where they are declared; and some nest them. */
static bool is_room_of_functions(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
           tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
           tag == DW_TAG_enumeration_type || tag == DW_TAG_module ||
           tag == DW_TAG_subprogram;
}

static int functions_add(struct lines_unit *unit, Dwarf_Die *parent, int depth)
{
    Dwarf_Die die;
    int r = 0;

    if (depth == NESTING_MAX || dwarf_child(parent, &die) != 0)
        return 0;
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_subprogram && (dwarf_hasattr(&die, DW_AT_low_pc) ||
                                         dwarf_hasattr(&die, DW_AT_ranges)))
            r = function_add(unit, &die);
        if (r == 0 && is_room_of_functions(tag))
            r = functions_add(unit, &die, depth + 1);
    } while (r == 0 && ++unit->seen < ENTRIES_MAX &&
             dwarf_siblingof(&die, &die) == 0);
    return r;
}

static int unit_index(struct lines_unit *unit)
{
    if (unit->is_indexed)
        return 0;
    unit->is_indexed = true;
    int r = functions_add(unit, &unit->tree, 0);

    spans_sort(&unit->spans);
    return r;
}

void lines_fini(struct lines *lines)
{
    for (size_t i = 0; i < lines->unit_count; i++) {
        spans_fini(&lines->units[i].spans);
        free(lines->units[i].functions);
    }
    spans_fini(&lines->spans);
    free(lines->units);
    *lines = (struct lines){0};
}

/* ---------------------------------------------------------- one address */

/* The block or inlined call right below a parent that holds the address. */
static bool inner_find(Dwarf_Die *parent, uint64_t address, Dwarf_Die *ret_die)
{
    Dwarf_Die die;
    int seen = 0;

    if (dwarf_child(parent, &die) != 0)
        return false;
    do {
        int tag = dwarf_tag(&die);

        if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
             tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
            dwarf_haspc(&die, address) > 0) {
            *ret_die = die;
            return true;
        }
    } while (++seen < SIBLINGS_MAX && dwarf_siblingof(&die, &die) == 0);
    return false;
}

/* The function and what is inlined there, the innermost last: how many. */
static size_t nest_find(const Dwarf_Die *function, uint64_t address,
                        Dwarf_Die nest[INLINED_MAX])
{
    Dwarf_Die die = *function;
    size_t count = 0;

    nest[count++] = die;
    for (int i = 0; i < BLOCKS_MAX && inner_find(&die, address, &die); i++) {
        if (dwarf_tag(&die) == DW_TAG_inlined_subroutine && count < INLINED_MAX)
            nest[count++] = die;
    }
    return count;
}

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;

    if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) &&
        !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
        return NULL;
    return dwarf_formstring(&attribute);
}

static uint64_t number_of(Dwarf_Die *die, unsigned int name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;

    return dwarf_attr(die, name, &attribute) &&
                   dwarf_formudata(&attribute, &value) == 0
               ? value
               : 0;
}

/* A line of the source. */
struct spot {
    char file[NAME_BYTES_MAX]; /* "": not known */
    uint32_t line;             /* 0: not known */
};

static const char *directory_of(struct lines_unit *unit)
{
    Dwarf_Attribute attribute;

    return dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute)
               ? dwarf_formstring(&attribute)
               : NULL;
}

/* Names may be relative to where the compiler ran. */
static void spot_set(struct spot *spot, struct lines_unit *unit,
                     const char *file, uint64_t line)
{
    const char *directory = file && *file != '/' ? directory_of(unit) : NULL;

    (void)snprintf(spot->file, sizeof(spot->file), "%s%s%s",
                   directory ? directory : "", directory ? "/" : "",
                   file ? file : "");
    spot->line = line <= UINT32_MAX ? (uint32_t)line : 0;
}

static void spot_find(struct spot *spot, struct lines_unit *unit,
                      uint64_t address)
{
    Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
    int number = 0;

    if (line && (dwarf_lineno(line, &number) < 0 || number < 0))
        number = 0;
    spot_set(spot, unit, line ? dwarf_linesrc(line, NULL, NULL) : NULL,
             (uint64_t)number);
}

/* Where an inlined function is called. */
static void spot_of_call(struct spot *spot, struct lines_unit *unit,
                         Dwarf_Die *die)
{
    Dwarf_Files *files = NULL;
    const char *file = NULL;
    size_t count = 0;

    if (dwarf_hasattr(die, DW_AT_call_file) &&
        dwarf_getsrcfiles(&unit->die, &files, &count) == 0)
        file =
            dwarf_filesrc(files, number_of(die, DW_AT_call_file), NULL, NULL);
    spot_set(spot, unit, file, number_of(die, DW_AT_call_line));
}

static bool is_mangled(const char *symbol)
{
    return symbol &&
           (strncmp(symbol, "_Z", 2) == 0 || strncmp(symbol, "_R", 2) == 0);
}

static int nest_add(struct lines_unit *unit, Dwarf_Die *nest, size_t count,
                    struct spot *spot, const char *symbol, struct calls *calls)
{
    while (count-- > 0) {
        Dwarf_Die *die = &nest[count];
        const char *linkage = linkage_name(die);
        const char *name = dwarf_diename(die);

        /* Of what is local to its file, compilers often leave it out. */
        if (count == 0 && !linkage && (!name || is_mangled(symbol)))
            linkage = symbol;
        int r = calls_add(calls, linkage, name, spot->file, spot->line);

        if (r < 0)
            return r;
        spot_of_call(spot, unit, die);
    }
    return 0;
}

int lines_find(struct lines *lines, uint64_t address, const char *symbol,
               struct calls *calls)
{
    Dwarf_Die nest[INLINED_MAX];
    struct spot spot;
    size_t index = 0;

    if (!spans_find(&lines->spans, address, &index))
        return 0;
    struct lines_unit *unit = &lines->units[index];
    int r = unit_index(unit);

    if (r < 0)
        return r;
    spot_find(&spot, unit, address);
    if (spans_find(&unit->spans, address, &index)) {
        size_t count = nest_find(&unit->functions[index], address, nest);

        return nest_add(unit, nest, count, &spot, symbol, calls);
    }
    if (!symbol && !*spot.file)
        return 0;
    return calls_add(calls, symbol, NULL, spot.file, spot.line);
}
