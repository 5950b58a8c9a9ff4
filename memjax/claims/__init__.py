"""What was published beside what was measured, and whether it holds."""

from memjax.claims.check import check as check
from memjax.claims.claim import KINDS as KINDS
from memjax.claims.claim import Claim as Claim
from memjax.claims.logged import decay as decay
from memjax.claims.logged import late as late
from memjax.claims.logged import least_to_most as least_to_most
from memjax.claims.lookup import Estimate as Estimate
from memjax.claims.lookup import NotRun as NotRun
from memjax.claims.lookup import at as at
from memjax.claims.lookup import estimate as estimate
from memjax.claims.lookup import farthest as farthest
from memjax.claims.lookup import first_step as first_step
from memjax.claims.lookup import median as median
from memjax.claims.lookup import over as over
from memjax.claims.lookup import vertex as vertex
from memjax.claims.measures import away as away
from memjax.claims.measures import change as change
from memjax.claims.measures import extreme as extreme
from memjax.claims.measures import reached as reached
from memjax.claims.published import Results as Results
from memjax.claims.published import judged as judged
from memjax.claims.rows import BadTable as BadTable
from memjax.claims.table import held as held
from memjax.claims.table import scoreboard as scoreboard
from memjax.claims.table import table as table
from memjax.claims.table import totals as totals
