/* A slot that changes hands: a reader never shows one thread's totals minus
 * another thread's beginning, and no two threads own it at once.
 *
 * Two threads claim the one slot there is (a bit), say so to readers (epoch
 * odd, tid, at_claim, epoch even), count and release it.  A third, if it finds
 * that nobody was between, takes it again as slot_reclaim() does.  The reader
 * copies the slot between two looks at the epoch.
 *
 * -DNO_EPOCH leaves the epoch even throughout: it must be found wrong.
 */
#define OWNERS 3

bit taken = 0;
byte epoch = 0, tid = 0;
byte total = 0, at_claim = 0;

/* Ghosts: what each owner's figures began with, and who owns the slot. */
byte began[OWNERS + 1];
byte owners = 0;

inline begin(me)
{
#ifndef NO_EPOCH
    epoch++;
#endif
    tid = me;
    atomic { at_claim = total; began[me] = total };
#ifndef NO_EPOCH
    epoch++;
#endif
}

proctype thread(byte me; bool comes_back)
{
    byte last_epoch;
    atomic { taken == 0 -> taken = 1; owners++ };
    assert(owners == 1);
    begin(me);
    total++;
    last_epoch = epoch;
    tid = 0;
    atomic { owners--; taken = 0 };
    if
    :: comes_back ->
       atomic { taken == 0 -> taken = 1; owners++ };
       assert(owners == 1);
       if
       :: epoch == last_epoch -> tid = me; total++; tid = 0
       :: else
       fi;
       atomic { owners--; taken = 0 }
    :: else
    fi
}

proctype reader()
{
    byte before, seen_tid, seen_at_claim, seen_total;
    before = epoch;
    seen_tid = tid;
    seen_at_claim = at_claim;
    seen_total = total;
    if
    :: before == epoch && before % 2 == 0 && seen_tid != 0 ->
       assert(seen_at_claim == began[seen_tid]);
       assert(seen_total >= seen_at_claim)
    :: else
    fi
}

init {
    atomic {
        run thread(1, false);
        run thread(2, false);
        run thread(3, true);
        run reader()
    }
}
