/* The processes as a tree of families: see tree.h. */
#include "top/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- nodes */

/* The index of a process in the survey, which is sorted by pid. */
static size_t index_of(const struct reader_survey *survey, uint32_t pid,
                       uint64_t created_ns)
{
    size_t low = 0;
    size_t high = survey->process_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (survey->processes[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < survey->process_count && survey->processes[low].pid == pid;
         low++) {
        if (survey->processes[low].created_ns == created_ns)
            return low;
    }
    return TREE_NONE;
}

/* Of figures that may come from a hostile file; what is unknown adds
 * nothing. */
static uint64_t sum(uint64_t a, uint64_t b)
{
    uint64_t both = 0;

    if (a == READER_UNKNOWN || b == READER_UNKNOWN)
        return a == READER_UNKNOWN ? b : a;
    return __builtin_add_overflow(a, b, &both) ? READER_UNKNOWN - 1 : both;
}

static struct tree_node node_of(const struct reader_survey *survey,
                                const struct reader_process *process)
{
    bool is_live = process->state == READER_LIVE;

    return (struct tree_node){
        .parent = process->ancestor_pid
                      ? index_of(survey, process->ancestor_pid,
                                 process->ancestor_created_ns)
                      : TREE_NONE,
        .used_bytes = is_live ? process->used_bytes : READER_UNKNOWN,
        .allocated_bytes = is_live ? process->allocated_bytes : READER_UNKNOWN,
    };
}

/* Adds a family to its parent's.  Returns the parent. */
static size_t parent_add(struct tree *tree, size_t at)
{
    const struct tree_node *node = &tree->nodes[at];
    struct tree_node *parent = &tree->nodes[node->parent];

    parent->used_bytes = sum(parent->used_bytes, node->used_bytes);
    parent->allocated_bytes =
        sum(parent->allocated_bytes, node->allocated_bytes);
    return node->parent;
}

/* Adds each to its parent, when all of its own children have been added.
 * pending: how many children a node still waits for. */
static void families_sum(struct tree *tree, size_t *pending)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->nodes[i].parent != TREE_NONE)
            pending[tree->nodes[i].parent]++;
    }
    for (size_t i = 0; i < tree->count; i++) {
        size_t at = i;

        /* Up from each leaf, as far as it was the last one waited for. */
        while (pending[at] == 0) {
            pending[at] = TREE_NONE; /* done */
            if (tree->nodes[at].parent == TREE_NONE)
                break;
            at = parent_add(tree, at);
            pending[at]--;
        }
    }
}

int tree_init(struct tree *ret_tree, const struct reader_survey *survey)
{
    struct tree tree = {.processes = survey->processes,
                        .count = survey->process_count};
    size_t *pending = calloc(tree.count + 1, sizeof(*pending));

    tree.nodes = calloc(tree.count + 1, sizeof(*tree.nodes));
    if (!tree.nodes || !pending) {
        free(tree.nodes);
        free(pending);
        return -ENOMEM;
    }
    for (size_t i = 0; i < tree.count; i++)
        tree.nodes[i] = node_of(survey, &survey->processes[i]);
    families_sum(&tree, pending);
    free(pending);
    *ret_tree = tree;
    return 0;
}

void tree_fini(struct tree *tree)
{
    free(tree->nodes);
    *tree = (struct tree){0};
}

static size_t tree_index(const struct tree *tree,
                         const struct reader_process *process)
{
    return (size_t)(process - tree->processes);
}

const struct tree_node *tree_node_of(const struct tree *tree,
                                     const struct reader_process *process)
{
    return &tree->nodes[tree_index(tree, process)];
}

/* ---------------------------------------------------------------- folds */

void folds_fini(struct folds *folds)
{
    free(folds->entries);
    *folds = (struct folds){0};
}

static struct fold *fold_find(const struct folds *folds,
                              const struct reader_process *process)
{
    for (size_t i = 0; i < folds->count; i++) {
        if (folds->entries[i].pid == process->pid &&
            folds->entries[i].created_ns == process->created_ns)
            return &folds->entries[i];
    }
    return NULL;
}

bool folds_has(const struct folds *folds, const struct reader_process *process)
{
    return fold_find(folds, process) != NULL;
}

int folds_toggle(struct folds *folds, const struct reader_process *process)
{
    struct fold *fold = fold_find(folds, process);

    if (fold) {
        *fold = folds->entries[--folds->count];
        return 0;
    }
    struct fold *entries =
        reallocarray(folds->entries, folds->count + 1, sizeof(*entries));

    if (!entries)
        return -ENOMEM;
    entries[folds->count++] = (struct fold){process->pid, process->created_ns};
    folds->entries = entries;
    return 0;
}

void folds_forget(struct folds *folds, const struct reader_survey *survey)
{
    size_t left = 0;

    for (size_t i = 0; i < folds->count; i++) {
        const struct fold *fold = &folds->entries[i];

        if (index_of(survey, fold->pid, fold->created_ns) != TREE_NONE)
            folds->entries[left++] = *fold;
    }
    folds->count = left;
}

/* -------------------------------------------------------------- arrange */

/* Of each row, by its index in order: the rows around it.  One more, behind
 * all, stands for the parent of those that have none. */
struct link {
    size_t parent, child, last_child, sibling;
};

/* What it takes to walk the rows as a tree. */
struct walk {
    const struct folds *folds;
    const struct row *rows; /* in order */
    struct link *links;
    struct row *out;
    size_t count;
};

static size_t parent_row(const struct tree *tree, const size_t *row_of,
                         const struct row *row, size_t none)
{
    size_t at = tree_node_of(tree, row->process)->parent;

    while (at != TREE_NONE && row_of[at] == TREE_NONE)
        at = tree->nodes[at].parent;
    return at == TREE_NONE ? none : row_of[at];
}

static void link_all(const struct tree *tree, const size_t *row_of,
                     const struct row *rows, size_t count, struct link *links)
{
    for (size_t i = 0; i <= count; i++)
        links[i] = (struct link){TREE_NONE, TREE_NONE, TREE_NONE, TREE_NONE};
    for (size_t i = 0; i < count; i++) {
        size_t parent = parent_row(tree, row_of, &rows[i], count);

        links[i].parent = parent;
        if (links[parent].child == TREE_NONE)
            links[parent].child = i;
        else
            links[links[parent].last_child].sibling = i;
        links[parent].last_child = i;
    }
}

/* The row behind at, of those above bottom; TREE_NONE behind the last. */
static size_t row_after(const struct walk *walk, size_t at, size_t bottom,
                        bool with_children, size_t *depth)
{
    if (with_children && walk->links[at].child != TREE_NONE) {
        (*depth)++;
        return walk->links[at].child;
    }
    while (at != bottom && walk->links[at].sibling == TREE_NONE) {
        at = walk->links[at].parent;
        (*depth)--;
    }
    return at == bottom ? TREE_NONE : walk->links[at].sibling;
}

static size_t descendants(const struct walk *walk, size_t row)
{
    size_t depth = 0;
    size_t total = 0;

    for (size_t at = walk->links[row].child; at != TREE_NONE;
         at = row_after(walk, at, row, true, &depth))
        total++;
    return total;
}

static struct row_branch branch_of(const struct walk *walk, size_t row,
                                   size_t depth, uint64_t lines)
{
    bool is_parent = walk->links[row].child != TREE_NONE;
    bool is_folded =
        is_parent && folds_has(walk->folds, walk->rows[row].process);

    return (struct row_branch){
        .depth = depth < ROW_DEPTH_MAX ? (unsigned)depth : ROW_DEPTH_MAX,
        .lines = lines,
        .is_parent = is_parent,
        .folded = is_folded ? descendants(walk, row) : 0,
    };
}

/* Bit d of lines is set where more siblings follow at depth d. */
static void walk_all(struct walk *walk, size_t root)
{
    uint64_t lines = 0;
    size_t depth = 0;

    for (size_t at = walk->links[root].child; at != TREE_NONE;) {
        if (depth < ROW_DEPTH_MAX)
            lines = (lines & ((UINT64_C(1) << depth) - 1)) |
                    (uint64_t)(walk->links[at].sibling != TREE_NONE) << depth;

        struct row *row = &walk->out[walk->count++];

        *row = walk->rows[at];
        row->branch = branch_of(walk, at, depth, lines);
        at = row_after(walk, at, root, row->branch.folded == 0, &depth);
    }
}

int tree_arrange(const struct tree *tree, const struct folds *folds,
                 struct row *rows, size_t *count)
{
    size_t *row_of = calloc(tree->count + 1, sizeof(*row_of));
    struct link *links = calloc(*count + 1, sizeof(*links));
    struct row *in_order = calloc(*count + 1, sizeof(*in_order));
    struct walk walk = {folds, in_order, links, rows, 0};
    int err = row_of && links && in_order ? 0 : -ENOMEM;

    if (err == 0) {
        memset(row_of, 0xff, tree->count * sizeof(*row_of)); /* TREE_NONE */
        memcpy(in_order, rows, *count * sizeof(*rows));
        for (size_t i = 0; i < *count; i++)
            row_of[tree_index(tree, rows[i].process)] = i;
        link_all(tree, row_of, in_order, *count, links);
        walk_all(&walk, *count);
        *count = walk.count;
    }
    free(row_of);
    free(links);
    free(in_order);
    return err;
}
