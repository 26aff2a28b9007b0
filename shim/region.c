#include "region.h"

struct region region;
