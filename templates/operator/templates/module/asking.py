from dataflow_core.operators.prompted import Prompted
from dataflow_core.prompts import Prompt
