/* The processes as a tree of families: who is whose child, what each family
 * uses in all, and which branches are folded away. */
#ifndef GCSHIM_TOP_TREE_H
#define GCSHIM_TOP_TREE_H

#include "top/columns.h"

/* A process of the survey, at the same index. */
struct tree_node {
    size_t parent; /* its index; TREE_NONE */
    /* Of the process and all that descend from it, as far as they live;
     * UNKNOWN where none does. */
    uint64_t used_bytes, allocated_bytes;
};

#define TREE_NONE SIZE_MAX

struct tree {
    const struct reader_process *processes; /* the survey's */
    struct tree_node *nodes;
    size_t count;
};

/* Of a survey that outlives it: 0 or -ENOMEM.  Release with tree_fini. */
int tree_init(struct tree *ret_tree, const struct reader_survey *survey);
void tree_fini(struct tree *tree);

const struct tree_node *tree_node_of(const struct tree *tree,
                                     const struct reader_process *process);

/* A process whose descendants are not shown. */
struct fold {
    uint32_t pid;
    uint64_t created_ns;
};

struct folds {
    struct fold *entries;
    size_t count;
};

void folds_fini(struct folds *folds);
bool folds_has(const struct folds *folds, const struct reader_process *process);

/* Folds what is not folded, and the other way round: 0 or -ENOMEM. */
int folds_toggle(struct folds *folds, const struct reader_process *process);

/* Forgets the processes that are not in the survey any more. */
void folds_forget(struct folds *folds, const struct reader_survey *survey);

/* Brings rows of processes, which stand in order, into that of a tree:
 * siblings keep their order, each is followed by what descends from it, unless
 * that is folded.  The parent is the nearest that has a row.  Rows are told
 * their branch.  0 with *count set, or -ENOMEM. */
int tree_arrange(const struct tree *tree, const struct folds *folds,
                 struct row *rows, size_t *count);

#endif
