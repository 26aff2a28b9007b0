/* The sum over slots: used is never below the truth.
 *
 * Two threads.  Each claims a slot, raises slots_high, counts an allocation
 * before it hands the block out and a free before the block is gone (docs/
 * concurrency.md, guarantee C); a block may be freed by the other thread.
 * A reader sums meanwhile: all freed, then slots_high again, then all
 * allocated.  It must never see more freed than allocated.
 *
 * -DSTALE_HIGH reads slots_high once, -DALLOCATED_FIRST turns the passes
 * round: each must be found wrong.
 */
#define THREADS 2
#define BLOCKS 2

byte allocated[THREADS];
byte freed[THREADS];
byte slots_high = 0;
byte in_hand = 0; /* blocks handed out, free for anybody to free */

proctype thread(byte slot)
{
    byte turn;
    atomic {
        if
        :: slots_high < slot + 1 -> slots_high = slot + 1
        :: else
        fi
    }
    for (turn : 1 .. BLOCKS) {
        if
        :: allocated[slot]++;   /* counted, then handed out */
           in_hand++
        :: atomic { in_hand > 0 -> in_hand-- }
           freed[slot]++        /* taken back, then counted */
        :: skip
        fi
    }
}

proctype reader()
{
    byte sum_freed = 0, sum_allocated = 0, i, high;
    high = slots_high;
#ifdef ALLOCATED_FIRST
    i = 0;
    do
    :: i < high -> sum_allocated = sum_allocated + allocated[i]; i++
    :: else -> break
    od;
#endif
    i = 0;
    do
    :: i < high -> sum_freed = sum_freed + freed[i]; i++
    :: else -> break
    od;
#ifndef STALE_HIGH
    high = slots_high;
#endif
#ifndef ALLOCATED_FIRST
    i = 0;
    do
    :: i < high -> sum_allocated = sum_allocated + allocated[i]; i++
    :: else -> break
    od;
#endif
    assert(sum_allocated >= sum_freed)
}

init {
    atomic {
        run thread(0);
        run thread(1);
        run reader()
    }
}
